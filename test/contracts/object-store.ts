import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectKeyInvalidError, ObjectNotFoundError } from '../../src/object-store/object-store.errors.js';
import type { ObjectStore, StoredObject } from '../../src/object-store/object-store.js';

/** A store, to be held to the contract. */
export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** Whether writers have left parts of objects behind. */
  hasLeftovers(): Promise<boolean>;
  close(): Promise<void>;
}

const HOSTILE_KEYS = [
  ...['', '.', '..', '/', '/etc/passwd', '../outside', 'a/../../outside', 'a/..', 'a//b', 'a/', './a', '.a', 'a/.b'],
  ...['a\\..\\b', 'a\0b', 'a b', 'a\n', 'ä', 'a/%2e%2e/b', 'a?b', 'a#b', 'C:\\a', 'x'.repeat(513)],
];

/** More than two parts of S3, so that some are under way at the same time. */
const MANY_BYTES = 40 * 1_048_576;

/** The behaviour of a store of objects, wherever it keeps them. */
export function objectStoreContract(open: () => Promise<ObjectStoreUnderTest>): void {
  let subject: ObjectStoreUnderTest;
  let store: ObjectStore;

  beforeAll(async () => {
    subject = await open();
    store = subject.store;
  });

  afterAll(() => subject.close());

  beforeEach(async () => {
    for (const { key } of await listed('')) await store.delete(key);
  });

  async function listed(prefix: string): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    for await (const object of store.list(prefix)) objects.push(object);
    return objects;
  }

  const keysOf = async (prefix: string) => (await listed(prefix)).map(({ key }) => key).toSorted();
  const put = (key: string, text: string) => store.put(key, Readable.from([Buffer.from(text)]));
  const read = async (key: string) => (await buffer(await store.get(key))).toString();

  describe('an object', () => {
    it.each([0, 1, 70_000, MANY_BYTES])('of %d bytes is read as it was written', async (size) => {
      const content = randomBytes(size);
      expect(await store.put('t/a.age', Readable.from(slicesOf(content)))).toEqual({ bytes: size });
      expect((await buffer(await store.get('t/a.age'))).equals(content)).toBe(true);
      const [object, ...others] = await listed('');
      expect(object).toMatchObject({ key: 't/a.age', bytes: size });
      expect(Math.abs(Date.now() - (object?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000);
      expect(others).toEqual([]);
    });

    it('is replaced as a whole', async () => {
      await put('t/a.age', 'the first, which is longer');
      await put('t/a.age', 'second');
      expect(await read('t/a.age')).toBe('second');
    });

    it('that does not exist cannot be read', async () => {
      await expect(store.get('t/none.age')).rejects.toBeInstanceOf(ObjectNotFoundError);
      await put('t/a.age', 'x');
      await expect(store.get('t/none.age')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND', key: 't/none.age' });
    });

    it('is gone once it was deleted, and may be deleted again', async () => {
      await put('t/a.age', 'x');
      await store.delete('t/a.age');
      await store.delete('t/a.age');
      await store.delete('never/was.age');
      await expect(store.get('t/a.age')).rejects.toBeInstanceOf(ObjectNotFoundError);
      expect(await listed('')).toEqual([]);
    });

    it('can be left unread', async () => {
      await store.put('t/a.age', Readable.from(slicesOf(randomBytes(1_048_576))));
      const stream = await store.get('t/a.age');
      stream.destroy();
      await once(stream, 'close');
      expect((await buffer(await store.get('t/a.age'))).length).toBe(1_048_576);
    });
  });

  it('objects are listed by prefix', async () => {
    for (const key of ['a/1.age', 'a/2.age', 'a/deeper/3.age', 'ab/4.age', 'b.age']) await put(key, key);
    expect(await keysOf('')).toEqual(['a/1.age', 'a/2.age', 'a/deeper/3.age', 'ab/4.age', 'b.age']);
    expect(await keysOf('a/')).toEqual(['a/1.age', 'a/2.age', 'a/deeper/3.age']);
    expect(await keysOf('a/deeper/')).toEqual(['a/deeper/3.age']);
    expect(await keysOf('none/')).toEqual([]);
  });

  it.each(HOSTILE_KEYS)('the key %j is refused by every method', async (key) => {
    const refusal = expect.any(ObjectKeyInvalidError);
    const content = Readable.from([Buffer.from('x')]);
    expect(await store.put(key, content).catch((error: unknown) => error)).toEqual(refusal);
    expect(content.destroyed).toBe(true);
    expect(await store.get(key).catch((error: unknown) => error)).toEqual(refusal);
    expect(await store.delete(key).catch((error: unknown) => error)).toEqual(refusal);
    if (key !== '') expect(await listed(`${key}/`).catch((error: unknown) => error)).toEqual(refusal);
    expect(await listed('')).toEqual([]);
  });

  describe('a write that fails', () => {
    const failing = (bytes: number, failure: Error): Readable =>
      Readable.from(
        (function* () {
          yield* slicesOf(randomBytes(bytes));
          throw failure;
        })(),
      );

    it.each([0, 1_000, MANY_BYTES])(
      'after %d bytes leaves the former object, and reports its own error',
      async (bytes) => {
        await put('t/a.age', 'former');
        const failure = new Error('the snapshot has ended');
        await expect(store.put('t/a.age', failing(bytes, failure))).rejects.toBe(failure);
        expect(await read('t/a.age')).toBe('former');
        expect(await subject.hasLeftovers()).toBe(false);
      },
    );

    it('before it begins is reported, too', async () => {
      const failure = new Error('at once');
      const content = new Readable({ read: () => undefined });
      content.destroy(failure);
      await expect(store.put('t/a.age', content)).rejects.toBe(failure);
      expect(await listed('')).toEqual([]);
    });

    it.each([1_000, MANY_BYTES])('because it is aborted while its source has stalled after %d bytes', async (bytes) => {
      const reason = new Error('the operation was cancelled');
      const aborter = new AbortController();
      const content = Readable.from(
        (async function* () {
          yield* slicesOf(randomBytes(bytes));
          setTimeout(() => aborter.abort(reason), 50);
          await new Promise(() => undefined);
        })(),
      );
      await expect(store.put('t/a.age', content, { signal: aborter.signal })).rejects.toBe(reason);
      expect(await listed('')).toEqual([]);
      expect(await subject.hasLeftovers()).toBe(false);
    });
  });

  it('what was aborted before it begins does nothing', async () => {
    const reason = new Error('too late');
    const signal = AbortSignal.abort(reason);
    await put('t/a.age', 'x');
    await expect(store.put('t/b.age', Readable.from([Buffer.from('x')]), { signal })).rejects.toBe(reason);
    await expect(store.get('t/a.age', { signal })).rejects.toBe(reason);
    expect(await keysOf('')).toEqual(['t/a.age']);
  });

  it('a read ends when it is aborted', async () => {
    await store.put('t/a.age', Readable.from(slicesOf(randomBytes(MANY_BYTES))));
    const reason = new Error('enough');
    const aborter = new AbortController();
    const stream = await store.get('t/a.age', { signal: aborter.signal });
    const reading = (async () => {
      for await (const _ of stream) aborter.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
}

function* slicesOf(content: Buffer, size = 65_536): Generator<Buffer> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size);
}
