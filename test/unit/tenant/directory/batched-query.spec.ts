import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchedQuery } from '../../../../src/tenant/directory/batched-query.js';
import { CatalogBusyError } from '../../../../src/catalog/catalog.errors.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('single look-ups of a batched query', () => {
  it('that start together share a statement, and each receives its own result', async () => {
    const statements: string[][] = [];
    const query = new BatchedQuery<string>((keys) => {
      statements.push(keys);
      return Promise.resolve(new Map(keys.filter((key) => key !== 'none').map((key) => [key, `of ${key}`])));
    });
    const answers = Promise.all(['a', 'b', 'a', 'none'].map((key) => query.find(key)));
    await jest.advanceTimersByTimeAsync(100);
    expect(await answers).toEqual(['of a', 'of b', 'of a', null]);
    expect(statements.flat().filter((key) => key === 'a').length).toBeLessThanOrEqual(2);
    expect(statements.length).toBeLessThanOrEqual(2);
  });

  it('are not delayed while there are few', async () => {
    const query = new BatchedQuery<string>((keys) => Promise.resolve(new Map(keys.map((key) => [key, key]))));
    for (let n = 0; n < 10; n += 1) expect(await query.find(`${n}`)).toBe(`${n}`); // no time passes
    let answered = false;
    void query.find('one more').then(() => (answered = true));
    await jest.advanceTimersByTimeAsync(5);
    expect(answered).toBe(false);
    await jest.advanceTimersByTimeAsync(5);
    expect(answered).toBe(true);
  });

  it('reach the catalog in at most a hundred statements per second, of a thousand keys each', async () => {
    const sizes: number[] = [];
    const query = new BatchedQuery<string>((keys) => {
      sizes.push(keys.length);
      return Promise.resolve(new Map());
    });
    const found: Promise<unknown>[] = [];
    for (let ms = 0; ms < 1_000; ms += 5) {
      for (let n = 0; n < 500; n += 1) found.push(query.find(`${ms}-${n}`));
      await jest.advanceTimersByTimeAsync(5);
    }
    expect(sizes.length).toBeLessThanOrEqual(110);
    await jest.advanceTimersByTimeAsync(1_000);
    await Promise.all(found);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100_000);
  });

  it('return what the catalog holds after they started', async () => {
    let held = 'old';
    const gates: (() => void)[] = [];
    const query = new BatchedQuery<string>(async (keys) => {
      const read = held;
      await new Promise<void>((resolve) => gates.push(resolve));
      return new Map(keys.map((key) => [key, read]));
    });
    const first = query.find('a');
    await jest.advanceTimersByTimeAsync(0);
    held = 'new';
    const second = query.find('a');
    gates[0]?.();
    expect(await first).toBe('old');
    await jest.advanceTimersByTimeAsync(10);
    gates[1]?.();
    expect(await second).toBe('new');
  });

  it('fail together when their statement fails, and later ones run a new statement', async () => {
    let works = false;
    const query = new BatchedQuery<string>((keys) =>
      works ? Promise.resolve(new Map(keys.map((key) => [key, 'yes']))) : Promise.reject(new Error('broken')),
    );
    await expect(query.find('a')).rejects.toThrow('broken');
    works = true;
    const again = query.find('a');
    await jest.advanceTimersByTimeAsync(10);
    expect(await again).toBe('yes');
  });

  it('are rejected when the queue is full', async () => {
    const query = new BatchedQuery<string>(() => new Promise(() => undefined));
    void query.find('running');
    await jest.advanceTimersByTimeAsync(0);
    for (let n = 0; n < 50_000; n += 1) void query.find(`${n}`);
    await expect(query.find('one more')).rejects.toBeInstanceOf(CatalogBusyError);
  });
});
