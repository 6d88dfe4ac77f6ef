import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadS3, openObjectStore } from '../../../src/object-store/open-object-store.js';
import { S3Store } from '../../../src/object-store/s3-store.js';
import { freePort } from '../../support/processes/free-port.js';
import { answerXml, FaultyHttp } from '../../support/object-store/faulty-http.js';
import { AWS_SECRETS, useS3Environment } from '../../support/object-store/s3-environment.js';

const PLACE = { bucket: 'backups', prefix: 'eu' };
const DEADLINES = { connectMs: 2_000, attemptMs: 200, callMs: 5_000, stallMs: 200 };

let server: FaultyHttp;
let store: S3Store;
/** An attempt of which is not over before a busy machine has had it answered. */
let patient: S3Store;

beforeAll(async () => {
  server = await FaultyHttp.start();
});
useS3Environment(() => server.url);
beforeAll(async () => {
  const open = async (deadlines: typeof DEADLINES): Promise<S3Store> =>
    new S3Store(await loadS3(), PLACE, { pathStyle: true, deadlines });
  [store, patient] = [await open(DEADLINES), await open({ ...DEADLINES, attemptMs: 10_000 })];
});
beforeEach(() => {
  server.requests.length = 0;
});
afterAll(async () => {
  store.close();
  patient.close();
  await server.close();
});

const content = (): Readable => Readable.from([Buffer.from('content')]);

it('a server that fails is tried three times', async () => {
  server.fault = (_, response) => answerXml(response, 503, 'SlowDown');
  await expect(patient.put('t/a.age', content())).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: 'the store s3://backups/eu is unavailable: SlowDown (HTTP 503)',
  });
  const put = 'PUT /backups/eu/t/a.age?x-id=PutObject';
  expect(server.requests).toEqual([put, put, put]);
});

it('a server that fails once is tried again', async () => {
  server.fault = (_, response) => {
    if (server.requests.length === 1) return answerXml(response, 500, 'InternalError');
    response.writeHead(200).end('content');
    return true;
  };
  expect((await buffer(await patient.get('t/a.age'))).toString()).toBe('content');
});

it.each([
  [403, 'AccessDenied'],
  [403, 'SignatureDoesNotMatch'],
  [404, 'NoSuchBucket'],
  [400, 'EntityTooLarge'],
])('what the server refuses with %d %s is not tried again, and names no credentials', async (status, code) => {
  server.fault = (_, response) => answerXml(response, status, code, `AWSAccessKeyId ${AWS_SECRETS.join(' ')}`);
  const error: unknown = await patient.put('t/a.age', content()).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'STORE_REFUSED', reason: `${code} (HTTP ${status})` });
  for (const secret of AWS_SECRETS) expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
  expect(server.requests).toHaveLength(1);
});

it('a missing object is told from a missing bucket', async () => {
  server.fault = (_, response) => answerXml(response, 404, 'NoSuchKey');
  await expect(store.get('t/a.age')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  server.fault = (_, response) => answerXml(response, 404, 'NoSuchBucket');
  await expect(store.get('t/a.age')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
});

it('a server that does not answer is given up', async () => {
  server.fault = () => true;
  await expect(store.put('t/a.age', content())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(store.list('').next()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(store.delete('t/a.age')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

it('an upload to a server that does not answer is aborted at once', async () => {
  const aborter = new AbortController();
  const reason = new Error('the operation was cancelled');
  server.fault = () => {
    setTimeout(() => aborter.abort(reason), 20);
    return true;
  };
  await expect(store.put('t/a.age', content(), { signal: aborter.signal })).rejects.toBe(reason);
  expect(server.requests).toHaveLength(1);
});

it('an object whose server stops in the middle fails, and so does one whose connection breaks', async () => {
  server.fault = (_, response) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('a part of it');
    return true;
  };
  await expect(buffer(await store.get('t/a.age'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  server.fault = (_, response) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('a part of it', () => response.destroy());
    return true;
  };
  await expect(buffer(await store.get('t/a.age'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

it('a reader that pauses for longer than the server may is not cut off', async () => {
  server.fault = (_, response) => {
    response.writeHead(200).end(Buffer.alloc(1_048_576));
    return true;
  };
  let bytes = 0;
  for await (const chunk of await store.get('t/a.age')) {
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 3 * DEADLINES.stallMs));
    bytes += (chunk as Buffer).length;
  }
  expect(bytes).toBe(1_048_576);
});

it('parts of uploads that were begun recently, or are not ours, are left alone', async () => {
  const [old, recent] = ['old', 'new'].map(() => `${randomUUID()}/${randomUUID()}.age`) as [string, string];
  const upload = (name: string, begunAt: number): string =>
    `<Upload><Key>${name}</Key><UploadId>id-of-${name}</UploadId><Initiated>${new Date(begunAt).toISOString()}</Initiated></Upload>`;
  server.fault = ({ method }, response) => {
    if (method === 'DELETE') {
      response.writeHead(204).end();
      return true;
    }
    const longAgo = Date.now() - 7_200_000;
    const listed = [
      ...[upload(`eu/${old}`, longAgo), upload(`eu/${recent}`, Date.now())],
      ...[upload('eu/t/video.mp4', longAgo), upload(old, longAgo)],
    ].join('');
    response.writeHead(200, { 'Content-Type': 'application/xml' });
    response.end(`<?xml version="1.0"?><ListMultipartUploadsResult>${listed}</ListMultipartUploadsResult>`);
    return true;
  };
  expect(await store.removeLeftovers(3_600_000)).toBe(1);
  const deletions = server.requests.filter((request) => request.startsWith('DELETE'));
  expect(deletions).toEqual([expect.stringContaining(`uploadId=${encodeURIComponent(`id-of-eu/${old}`)}`)]);
});

it('a server that is not there is unavailable', async () => {
  process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${await freePort()}`;
  const lonely = await openObjectStore({ kind: 's3', ...PLACE });
  await expect(lonely.delete('t/a.age')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  lonely.close();
  process.env['AWS_ENDPOINT_URL'] = server.url;
});

it.each(['AWS_REGION', 'AWS_ACCESS_KEY_ID'])('a missing %s is said', async (name) => {
  const { [name]: value, HOME } = process.env;
  delete process.env[name];
  process.env['HOME'] = '/nonexistent';
  const unset = await openObjectStore({ kind: 's3', ...PLACE });
  try {
    const expected = { code: 'STORE_REFUSED', reason: expect.stringContaining(name) };
    await expect(unset.delete('t/a.age')).rejects.toMatchObject(expected);
  } finally {
    unset.close();
    Object.assign(process.env, { [name]: value, HOME });
  }
});
