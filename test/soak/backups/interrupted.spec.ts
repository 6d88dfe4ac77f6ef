import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ArchiveStore } from '../../../src/admin/stored-archives/archive-store.js';
import type { ObjectStore } from '../../../src/object-store/object-store.js';
import { StoreUnavailableError } from '../../../src/object-store/object-store.errors.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../support/test-app.js';

/** Far more than streams, compression and sockets hold. */
const ROWS = 200_000;

let folder: string;
let app: TestApp;
let admin: AdminClient;
let stores: ArchiveStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href });
  admin = new AdminClient(app);
  stores = app.application.nest.get(ArchiveStore, { strict: false });
  const { id } = await app.provision('acme', 'schema');
  const { database, schema } = (await admin.get('/tenants/acme')).body;
  await asSuperuser(
    database,
    `INSERT INTO "${schema}".customers (tenant_id, name, email)
     SELECT '${id}', gen_random_uuid() || repeat(md5(random()::text), 3), n || '@example.com' FROM generate_series(1, ${ROWS}) n`,
  );
});
afterAll(async () => {
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  jest.restoreAllMocks();
});

/** The folder, with another `put`. */
async function replacePut(put: ObjectStore['put']): Promise<void> {
  const store = await stores.open();
  jest.spyOn(stores, 'open').mockResolvedValue(Object.create(store, { put: { value: put } }) as ObjectStore);
}

async function request(): Promise<string | null> {
  const { status, headers } = await admin.send('POST', '/backups', { body: { tenant: 'acme' } });
  expect(status).toBe(202);
  return headers.get('location');
}

const sessions = (): Promise<Json[]> =>
  asSuperuser('postgres', `SELECT pid FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND query ~ '^COPY'`);

describe('a backup of a tenant with many rows', () => {
  it('is made', async () => {
    expect(await admin.ended(await request())).toMatchObject({ status: 'succeeded', result: { rows: ROWS } });
  });

  it.each([0, 1_000_000])('fails, and ends its snapshot, when the store fails after %d bytes', async (limit) => {
    await replacePut(async (_key, content) => {
      await readUpTo(content, limit);
      content.destroy(); // as stores do
      throw new StoreUnavailableError('file:///test', 'no space left on device (ENOSPC)');
    });
    expect(await admin.ended(await request())).toMatchObject({
      status: 'failed',
      error: { code: 'STORE_UNAVAILABLE' },
    });
    await soon(async () => expect(await sessions()).toEqual([]));
  });

  it('is cancelled while the store is slow, and ends its snapshot', async () => {
    let reading = false;
    await replacePut(async (_key, content, { signal } = {}) => {
      await readUpTo(content, 100_000);
      reading = true;
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
      throw new Error('not reached');
    });
    const location = await request();
    await soon(async () => expect(reading).toBe(true));
    await admin.send('POST', `${location?.replace(/^.*\/admin\/v1/, '')}/cancel`);
    expect(await admin.ended(location)).toMatchObject({ status: 'cancelled' });
    await soon(async () => expect(await sessions()).toEqual([]));
    expect(
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes('partial')),
    ).toEqual([]);
  });

  it('does not count when its last part was changed in the store', async () => {
    const store = await stores.open();
    const put = store.put.bind(store);
    await replacePut(async (key, content, options) => {
      const stored = await put(key, content, options);
      const path = join(folder, key);
      const changed = readFileSync(path);
      changed.writeUInt8(changed.readUInt8(stored.bytes - 1_000) ^ 1, stored.bytes - 1_000);
      writeFileSync(path, changed);
      return stored;
    });
    expect(await admin.ended(await request())).toMatchObject({
      status: 'failed',
      error: { code: 'ARCHIVE_UNREADABLE' },
    });
  });

  it('works again after that', async () => {
    expect(await admin.ended(await request())).toMatchObject({ status: 'succeeded', result: { rows: ROWS } });
  });
});

async function readUpTo(content: Readable, bytes: number): Promise<void> {
  let read = 0;
  while (read < bytes) {
    const chunk = content.read() as Buffer | null;
    if (chunk) read += chunk.length;
    else await new Promise((resolve) => content.once('readable', resolve));
  }
}
