import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { targetPasswordContext } from '../../../../src/catalog/entities/connection-target.entity.js';
import { answerContext } from '../../../../src/catalog/entities/idempotency-key.entity.js';
import { countOutdated, reEncryptAll, ENCRYPTED_COLUMNS } from '../../../../src/catalog/encrypted-columns.js';
import { ownerPasswordContext } from '../../../../src/catalog/server-owner.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import type { KeyRing } from '../../../../src/platform/encryption/key-ring.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { AFTER, BEFORE, DURING, STRANGER } from '../../../support/encryption/rings.js';

/** More than one page of them. */
const TARGETS = 600;

let database: TestDatabase;
let catalog: DataSource;
let serverId: string;

beforeAll(async () => {
  database = await createTestDatabase('resealing');
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS);
});

afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});

beforeEach(async () => {
  await catalog.query(`TRUNCATE connection_targets CASCADE`);
  await catalog.query(`DELETE FROM servers WHERE name <> 'default'`);
  await catalog.query(`DELETE FROM idempotency_keys`);
  serverId = randomUUID();
  await catalog.query(
    `INSERT INTO servers (id, name, host, port, owner_role, owner_password_sealed) VALUES ($1, 'b', 'b', 1, 'o', $2)`,
    [serverId, BEFORE.encrypt('of the owner', ownerPasswordContext(serverId))],
  );
});

async function addTarget(ring: KeyRing, password: string, id: string = randomUUID()): Promise<string> {
  const sealed = ring.encrypt(password, targetPasswordContext(id));
  await catalog.query(
    `INSERT INTO connection_targets (id, server_id, kind, database, role, password_sealed)
     VALUES ($1, $2, 'dedicated', $3, 'r', $4)`,
    [id, serverId, id, sealed],
  );
  return id;
}

async function passwords(ring: KeyRing): Promise<string[]> {
  const rows = await catalog.query<{ id: string; sealed: string }[]>(
    'SELECT id, password_sealed AS sealed FROM connection_targets',
  );
  return rows.map(({ id, sealed }) => ring.decrypt(sealed, targetPasswordContext(id))).toSorted();
}

async function version(id: string): Promise<number | undefined> {
  const [row] = await catalog.query<{ version: number }[]>('SELECT version FROM connection_targets WHERE id = $1', [
    id,
  ]);
  return row?.version;
}

describe('re-encrypting the catalog', () => {
  it('replaces the former key everywhere, however many values there are, and each value once', async () => {
    for (let n = 0; n < TARGETS; n += 1) await addTarget(BEFORE, `password ${n}`);
    const current = await addTarget(DURING, 'of today');
    await catalog.query('INSERT INTO idempotency_keys (key, request_hash, answer_sealed) VALUES ($1, $2, $3)', [
      'it\'s "a" key',
      'h',
      BEFORE.encrypt('{}', answerContext('it\'s "a" key')),
    ]);
    const before = await passwords(DURING);
    expect(await countOutdated(catalog, DURING)).toBe(TARGETS + 2);
    const progress: number[] = [];
    const done = await reEncryptAll(catalog, DURING, { onProgress: (resealed) => progress.push(resealed) });
    expect(done).toEqual({ reEncrypted: TARGETS + 2, broken: [] });
    expect(progress).toEqual(Array.from({ length: TARGETS + 2 }, (_, n) => n + 1));
    expect(await countOutdated(catalog, DURING)).toBe(0);
    expect(await passwords(AFTER)).toEqual(before);
    const unchanged = await version(current);
    expect(await reEncryptAll(catalog, DURING)).toEqual({ reEncrypted: 0, broken: [] });
    expect(await version(current)).toBe(unchanged);
  });

  it('covers every catalog column whose name contains “sealed”', async () => {
    const columns = await catalog.query<{ table: string; column: string }[]>(
      `SELECT table_name AS table, column_name AS column FROM information_schema.columns
       WHERE column_name LIKE '%sealed%' AND table_schema = current_schema()`,
    );
    const known = ENCRYPTED_COLUMNS.map(({ table, column }) => ({ table, column }));
    expect(known).toEqual(expect.arrayContaining(columns));
    expect(columns).toEqual(expect.arrayContaining(known));
  });

  it('resumes where it was interrupted', async () => {
    for (let n = 0; n < 10; n += 1) await addTarget(BEFORE, `password ${n}`);
    const stop = new AbortController();
    const onProgress = (resealed: number): void => void (resealed === 4 && stop.abort(new Error('stopped')));
    await expect(reEncryptAll(catalog, DURING, { signal: stop.signal, onProgress })).rejects.toThrow('stopped');
    expect(await countOutdated(catalog, DURING)).toBe(7);
    expect(await reEncryptAll(catalog, DURING)).toEqual({ reEncrypted: 7, broken: [] });
  });

  it('reports values that cannot be decrypted, leaves them, and re-encrypts the rest', async () => {
    const lost = await addTarget(STRANGER, 'lost');
    const moved = randomUUID();
    await addTarget(BEFORE, 'elsewhere', moved);
    await catalog.query('UPDATE connection_targets SET password_sealed = $1 WHERE id = $2', [
      BEFORE.encrypt('x', targetPasswordContext(lost)),
      moved,
    ]);
    const { reEncrypted: resealed, broken } = await reEncryptAll(catalog, DURING);
    expect(resealed).toBe(1);
    expect(broken.toSorted()).toEqual([lost, moved].map(targetPasswordContext).toSorted());
    expect(await countOutdated(catalog, DURING)).toBe(2);
  });

  it('never overwrites a concurrent change and skips deleted rows', async () => {
    const [changed, removed] = [await addTarget(BEFORE, 'former'), await addTarget(BEFORE, 'removed')];
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN');
    const rotated = BEFORE.encrypt('rotated', targetPasswordContext(changed));
    await other.query('UPDATE connection_targets SET password_sealed = $1 WHERE id = $2', [rotated, changed]);
    await other.query('DELETE FROM connection_targets WHERE id = $1', [removed]);
    const reEncrypting = reEncryptAll(catalog, DURING);
    await soon(async () => {
      const waiting = await database.admin(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      expect(waiting).toHaveLength(1);
    });
    await other.query('COMMIT');
    await other.end();
    expect((await reEncrypting).reEncrypted).toBe(1); // the server's
    expect(await passwords(BEFORE)).toEqual(['rotated']);
    await reEncryptAll(catalog, DURING);
    expect(await passwords(AFTER)).toEqual(['rotated']);
  });
});
