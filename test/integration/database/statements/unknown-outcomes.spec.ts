import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { CallPositions } from '../../../../src/database/statements/positions/call-positions.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { runInContext } from '../../../../src/platform/context.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';
import { HalfReplies } from '../../../support/postgres/half-replies.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase, openPool, tenantIn } from '../../../support/statements/notes-database.js';

const INSERT = 'INSERT INTO notes (body) VALUES ($1)';
const { id, schema } = tenantIn('shared');
let database: TenantDatabase;
let proxy: HalfReplies;
let pool: TestPool;
let positions: CallPositions;

beforeAll(async () => {
  database = await createNotesDatabase(schema);
  proxy = await HalfReplies.before(database.target.server);
  const server = { ...database.target.server, port: proxy.port };
  pool = openPool('pooled', { ...database.target, server }, { maxResultBytes: 1_000 });
});

afterAll(async () => {
  await pool.end();
  await proxy.close();
  await database.drop();
});

beforeEach(() => {
  proxy.isBreaking = false;
  positions = new CallPositions(id);
});

const client = (): StampedClient => new StampedClient(accessTo(pool, createStamp(id, schema, { serverId: 'test' })));
/** In a call that remembers where it has written, as where the tenant's server has replicas. */
const inCall = (work: () => Promise<unknown>): Promise<unknown> => runInContext({ positions }, work);

it('a call whose write was sent, and not answered, does not know where it has written', async () => {
  await inCall(() => client().query(INSERT, ['answered']));
  expect(positions.required).toMatchObject({ serverId: 'test' });
  proxy.isBreaking = true;
  await expect(inCall(() => client().query(INSERT, ['lost']))).rejects.toThrow();
  expect(positions.required).toBe('unknown');
});

it('a call whose COMMIT was not answered does not know where it has written', async () => {
  const own = client();
  await inCall(() => own.query('BEGIN'));
  await inCall(() => own.query(INSERT, ['in a transaction']));
  expect(positions.required).toBeUndefined();
  proxy.isBreaking = true;
  await expect(inCall(() => own.query('COMMIT'))).rejects.toThrow();
  expect(positions.required).toBe('unknown');
});

it('a call whose write returned more than DB_MAX_RESULT_BYTES does not know where it has written', async () => {
  await expect(
    inCall(() => client().query(`${INSERT} RETURNING repeat('x', 100000)`, ['too much'])),
  ).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  expect(positions.required).toBe('unknown');
});

it('a call with a write of unknown outcome does not know where it has written after further writes either', async () => {
  await inCall(() => client().query(INSERT, ['answered before one is lost']));
  proxy.isBreaking = true;
  await expect(inCall(() => client().query(INSERT, ['lost before others']))).rejects.toThrow();
  proxy.isBreaking = false;
  expect(positions.required).toBe('unknown');
  await inCall(() => client().query(INSERT, ['answered after one was lost']));
  expect(positions.required).toBe('unknown');
});

it('a call whose write was rejected has written nothing', async () => {
  await inCall(() => client().query(INSERT, ['once']));
  positions = new CallPositions(id);
  await expect(inCall(() => client().query(INSERT, ['once']))).rejects.toMatchObject({ code: '23505' });
  expect(positions.required).toBeUndefined();
});
