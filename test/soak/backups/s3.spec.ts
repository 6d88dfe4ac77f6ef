import { randomUUID } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '../../../src/object-store/object-store.js';
import { loadS3, openObjectStore } from '../../../src/object-store/open-object-store.js';
import { S3Store } from '../../../src/object-store/s3-store.js';
import { objectStoreContract } from '../../contracts/object-store.js';
import { describeIf } from '../../support/describe-if.js';
import { answerXml, FaultyHttp } from '../../support/object-store/faulty-http.js';
import { hasMoto, Moto, MOTO_REQUIREMENT } from '../../support/object-store/moto.js';
import { useS3Environment } from '../../support/object-store/s3-environment.js';

const PLACE = { kind: 's3', bucket: 'backups', prefix: 'eu/tenants' } as const;
const MIB = 1_048_576;

describeIf(hasMoto(), MOTO_REQUIREMENT, 'S3', () => {
  let moto: Moto;
  let proxy: FaultyHttp;

  beforeAll(async () => {
    moto = await Moto.start();
    proxy = await FaultyHttp.start(() => moto.port);
  });
  useS3Environment(() => proxy.url);
  beforeAll(createBucket);
  afterAll(async () => {
    await proxy.close();
    await moto.kill();
  });
  beforeEach(() => {
    proxy.fault = () => false;
    proxy.requests.length = 0;
  });

  /** Around the proxy. */
  async function asOperator<T>(work: (client: S3Client) => Promise<T>): Promise<T> {
    const client = new S3Client({ endpoint: moto.url, forcePathStyle: true });
    return work(client).finally(() => client.destroy());
  }

  async function createBucket(): Promise<void> {
    await asOperator((client) =>
      client.send(
        new CreateBucketCommand({
          Bucket: PLACE.bucket,
          CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
        }),
      ),
    );
  }

  const uploads = () =>
    asOperator(async (client) => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: PLACE.bucket }));
      return Uploads;
    });

  describe('a bucket', () => {
    objectStoreContract(async () => {
      const store = await openObjectStore(PLACE);
      return { store, hasLeftovers: async () => (await uploads()).length > 0, close: async () => store.close() };
    });
  });

  describe('a bucket whose server fails', () => {
    let store: ObjectStore;

    beforeAll(async () => {
      const deadlines = { connectMs: 2_000, attemptMs: 10_000, callMs: 20_000, stallMs: 5_000 };
      store = new S3Store(await loadS3(), PLACE, { pathStyle: true, deadlines });
    });
    afterAll(() => store.close());

    /** More than could be in memory. */
    function slices(mebibytes: number, afterEach: (index: number) => void = () => undefined): Readable {
      const slice = randomBytes(MIB);
      return Readable.from(
        (function* () {
          for (let index = 0; index < mebibytes; index += 1) {
            yield slice;
            afterEach(index);
          }
        })(),
      );
    }

    const isPart = (number: number): boolean => (proxy.requests.at(-1) ?? '').includes(`partNumber=${number}&`);

    it('once for a part stores the object', async () => {
      let failures = 0;
      proxy.fault = (_, response) => isPart(2) && (failures += 1) === 1 && answerXml(response, 503, 'SlowDown');
      await store.put('t/a.age', slices(40));
      expect(failures).toBeGreaterThanOrEqual(2);
      expect((await buffer(await store.get('t/a.age'))).length).toBe(40 * MIB);
      await store.delete('t/a.age');
    });

    it('for good for one part aborts the upload without reading the rest', async () => {
      let read = 0;
      proxy.fault = (_, response) => isPart(2) && answerXml(response, 503, 'SlowDown');
      const putting = store.put(
        't/a.age',
        slices(2_000, (index) => void (read = index)),
      );
      await expect(putting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(read).toBeLessThan(2_000 - 1);
      expect(await uploads()).toEqual([]);
      await expect(store.get('t/a.age')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    });

    it('to complete the upload aborts it', async () => {
      proxy.fault = ({ method, url = '' }, response) =>
        method === 'POST' && url.includes('uploadId=') && answerXml(response, 500, 'InternalError');
      await expect(store.put('t/a.age', slices(40))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(await uploads()).toEqual([]);
    });

    it('to abort the upload leaves parts, which are removed later', async () => {
      const failure = new Error('the snapshot has ended');
      proxy.fault = ({ method }, response) => method === 'DELETE' && answerXml(response, 500, 'InternalError');
      const content = slices(40, (index) => {
        if (index === 38) throw failure;
      });
      const key = `${randomUUID()}/${randomUUID()}.age`;
      await expect(store.put(key, content)).rejects.toBe(failure);
      expect(await uploads()).toHaveLength(1);
      proxy.fault = () => false;
      expect(await store.removeLeftovers(0)).toBe(1);
      expect(await uploads()).toEqual([]);
    });

    it('because it is killed in the middle of an upload: the call fails, and works again with the next server', async () => {
      const putting = store.put(
        't/a.age',
        slices(100, (index) => void (index === 50 && void moto.kill())),
      );
      await expect(putting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(store.get('t/a.age')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await moto.kill();
      moto = await Moto.start();
      await createBucket();
      await store.put('t/a.age', slices(40));
      expect((await buffer(await store.get('t/a.age'))).length).toBe(40 * MIB);
    });

    it('more than a page of objects is listed', async () => {
      const keys = Array.from({ length: 1_100 }, (_, index) => `many/${String(index).padStart(4, '0')}.age`);
      for (let start = 0; start < keys.length; start += 20) {
        await Promise.all(
          keys.slice(start, start + 20).map((key) => store.put(key, Readable.from([Buffer.from('x')]))),
        );
      }
      const listed: string[] = [];
      for await (const { key } of store.list('many/')) listed.push(key);
      expect(listed).toEqual(keys);
    });
  });
});
