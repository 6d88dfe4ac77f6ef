import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { ensureGateObjects } from '../../../../src/database/gates/gate-objects.js';
import { GATE_CLOSED, SessionRefusedError } from '../../../../src/database/gates/closed-gate.js';
import { TenantGate } from '../../../../src/database/gates/tenant-gate.js';
import {
  createWriteTriggers,
  disableWriteTriggers,
  dropDisabledTriggers,
} from '../../../../src/database/gates/write-triggers.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { type Relocation, TenantAccess } from '../../../../src/database/statements/tenant-access.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { soon } from '../../../support/load/soon.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  createNotesDatabase,
  openPool,
  tenantIn,
  type TestTenant,
} from '../../../support/statements/notes-database.js';

const SHARE = { maxConcurrent: 1_000, maxQueued: 10_000 };
const FOREVER = new AbortController().signal;

/** For transactions that hold the gate. */
const WAIT_MS = 250;

let database: TenantDatabase;
let owner: pg.Client;
let pool: TestPool;
let tenant: TestTenant;
let gate: TenantGate;
let neighbour: TestTenant;
/** Where the tenant is after the move. */
let elsewhere: TenantAccess;
let relocations: number;

const relocation: Relocation = {
  next: async () => {
    relocations += 1;
    return elsewhere;
  },
};

beforeAll(async () => {
  database = await createNotesDatabase('here', 'there');
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  pool = openPool('pooled', database.target, { size: 8 });
  await ensureGateObjects(owner);
  await ensureGateObjects(owner); // a second move
});
afterAll(async () => {
  await pool.end();
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  relocations = 0;
  tenant = tenantIn('here');
  neighbour = tenantIn('here');
  elsewhere = new TenantAccess(pool, createStamp(tenant.id, 'there'), SHARE);
  gate = new TenantGate(owner, tenant.id, 'here');
  await gate.set('open');
  await createWriteTriggers(owner, 'here', tenant.id, [{ name: 'notes', key: ['id'] }], { signal: FOREVER });
});
afterEach(async () => {
  await gate.unlock();
  await disableWriteTriggers(owner, 'here', tenant.id, FOREVER);
  await dropDisabledTriggers(owner, 'here', FOREVER);
  await gate.remove();
});

/** A client of an instance that knows that the tenant moves, and finds it again. */
const moving = (): StampedClient =>
  new StampedClient(
    new TenantAccess(pool, createStamp(tenant.id, 'here', { isGated: true }), SHARE, false, false, relocation),
  );
/** A client of an instance that has slept since before the move. */
const asleep = (of = tenant): StampedClient =>
  new StampedClient(new TenantAccess(pool, createStamp(of.id, of.schema), SHARE));

const bodiesIn = async (schema: string): Promise<string[]> => {
  const { rows } = await owner.query<{ body: string }>(
    `SELECT body FROM ${schema}.notes WHERE tenant_id = $1 ORDER BY body`,
    [tenant.id],
  );
  return rows.map(({ body }) => body);
};

const insert = (client: StampedClient, body: string): Promise<pg.QueryResult> =>
  client.query('INSERT INTO notes (body) VALUES ($1) RETURNING id', [body]);

describe('an open gate', () => {
  it('notes the keys of changed rows, of its tenant only', async () => {
    const { rows } = await insert(moving(), 'one');
    const { id } = rows[0] as { id: string };
    await insert(asleep(neighbour), 'of the neighbour');
    expect(await gate.changes()).toBe(1);
    await owner.query('DELETE FROM tenantry_isolation.changes');
    await moving().query('UPDATE notes SET id = id + 1000000 WHERE id = $1', [id]);
    const { rows: noted } = await owner.query(
      `SELECT DISTINCT relation, key FROM tenantry_isolation.changes WHERE tenant_id = $1 ORDER BY key`,
      [tenant.id],
    );
    expect(noted).toEqual([
      { relation: 'notes', key: { id: Number(id) } },
      { relation: 'notes', key: { id: Number(id) + 1_000_000 } },
    ]);
  });

  it('notes nothing of tables without a key, and still holds and refuses their writes', async () => {
    await createWriteTriggers(owner, 'here', tenant.id, [{ name: 'notes', key: [] }], { signal: FOREVER });
    const client = asleep();
    await client.query('BEGIN');
    await insert(client, 'one');
    expect(await gate.tryLock(WAIT_MS)).toBe(false);
    await client.query('COMMIT');
    await asleep().query(`UPDATE notes SET body = 'two'`);
    await asleep().query('DELETE FROM notes');
    expect(await gate.changes()).toBe(0);
    await gate.set('closed');
    await expect(insert(asleep(), 'three')).rejects.toMatchObject({ code: GATE_CLOSED });
  });

  it('is not locked while a transaction of the tenant is under way, also one that has only read', async () => {
    const client = moving();
    await client.query('BEGIN');
    await client.query('SELECT * FROM notes');
    expect(await gate.tryLock(WAIT_MS)).toBe(false);
    await insert(client, 'meanwhile');
    await client.query('COMMIT');
    expect(await gate.tryLock(WAIT_MS)).toBe(true);
    expect(await gate.changes()).toBe(1);
  });

  it('is not locked while a session of the tenant is open, and none is opened behind a closed one', async () => {
    const access = new TenantAccess(pool, createStamp(tenant.id, 'here', { isGated: true }), SHARE);
    await SessionLease.run(access, async (session) => {
      expect(await gate.tryLock(WAIT_MS)).toBe(false);
      await session.query(`INSERT INTO notes (body) VALUES ('of a session')`);
    });
    expect(await gate.tryLock(WAIT_MS)).toBe(true); // the session has given its lock back
    await gate.set('closed');
    await gate.unlock();
    let hasRun = false;
    const refused = SessionLease.run(access, async () => void (hasRun = true));
    await expect(refused).rejects.toBeInstanceOf(SessionRefusedError);
    expect([hasRun, await bodiesIn('here')]).toEqual([false, ['of a session']]);
  });

  it('is locked past read-only transactions and statements, and past the transactions of neighbours', async () => {
    const [reader, other] = [moving(), asleep(neighbour)];
    for (const [client, begin] of [
      [reader, 'BEGIN READ ONLY'],
      [other, 'BEGIN'],
    ] as const) {
      await client.query(begin);
      await client.query('SELECT * FROM notes');
    }
    expect(await gate.tryLock(WAIT_MS)).toBe(true);
    expect((await moving().query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await insert(other, 'of the neighbour');
    await other.query('COMMIT');
    await reader.query('COMMIT');
  });
});

describe('a gate that is closed while statements wait for it', () => {
  it('has writes, batches of them and transactions run where the tenant is then', async () => {
    expect(await gate.tryLock(WAIT_MS)).toBe(true);
    const client = moving();
    const inTransaction = async (begin: string, body: string): Promise<void> => {
      const own = moving();
      await own.query(begin);
      const results = await Promise.all([insert(own, `${body} 1`), insert(own, `${body} 2`)]);
      expect(results.map(({ rowCount }) => rowCount)).toEqual([1, 1]);
      await own.query('COMMIT');
    };
    const inBatch = async (): Promise<void> => {
      const own = moving();
      const batch = own.beginBatch();
      const answers = Promise.all([insert(own, 'batch 1'), insert(own, 'batch 2')]);
      await batch.send();
      expect((await answers).map(({ rowCount }) => rowCount)).toEqual([1, 1]);
    };
    const writes = [
      insert(client, 'single'),
      inBatch(),
      inTransaction('BEGIN', 'read committed'),
      inTransaction('BEGIN ISOLATION LEVEL REPEATABLE READ', 'repeatable read'),
      inTransaction('BEGIN ISOLATION LEVEL SERIALIZABLE', 'serializable'),
    ];
    await new Promise((resolve) => setTimeout(resolve, 100));
    await gate.set('closed');
    await gate.unlock();
    await Promise.all(writes);
    expect(await bodiesIn('here')).toEqual([]);
    expect(await bodiesIn('there')).toEqual([
      ...['batch 1', 'batch 2', 'read committed 1', 'read committed 2', 'repeatable read 1', 'repeatable read 2'],
      ...['serializable 1', 'serializable 2', 'single'],
    ]);
    expect(relocations).toBe(5);
  });

  it('keeps the order of a client whose statement fails there', async () => {
    await gate.set('closed');
    await insert(moving(), 'taken');
    const client = moving();
    const ended: string[] = [];
    const note = (name: string) => (): void => void ended.push(name);
    await Promise.all([
      insert(client, 'taken').then(note('inserted'), note('refused')),
      client.query('SELECT pg_sleep(0.2)').then(note('slow')),
      client.query('SELECT 1').then(note('quick')),
    ]);
    expect(ended).toEqual(['refused', 'slow', 'quick']);
  });

  it.each(['BEGIN', undefined])('has a stream read where the tenant is then (%s)', async (begin) => {
    const insertInto = (schema: string, body: string): Promise<unknown> =>
      owner.query(`INSERT INTO ${schema}.notes (tenant_id, body) VALUES ($1, $2)`, [tenant.id, body]);
    await insertInto('here', 'former');
    await insertInto('there', 'present');
    await gate.set('closed');
    const client = moving();
    if (begin !== undefined) await client.query(begin);
    const bodies: string[] = [];
    for await (const row of client.query(new QueryStream('SELECT body FROM notes'))) {
      bodies.push((row as { body: string }).body);
    }
    if (begin !== undefined) await client.query('COMMIT');
    expect(bodies).toEqual(['present']);
  });

  it('has a client that reads afterwards see what it has written there', async () => {
    await gate.set('closed');
    const client = moving();
    await insert(client, 'one');
    expect((await client.query('SELECT body FROM notes')).rows).toEqual([{ body: 'one' }]);
    expect(relocations).toBe(1);
  });
});

describe('a closed gate', () => {
  it('refuses reads of an instance that knows of the move', async () => {
    await gate.set('closed');
    await moving().query('SELECT * FROM notes');
    expect(relocations).toBe(1);
  });

  it.each([
    ['an instance that has slept since before the move', () => asleep()],
    ['the owner', () => owner],
  ])('refuses a write by %s', async (_who, clientOf) => {
    await gate.set('closed');
    const client = clientOf() as pg.Client;
    const write = client.query(`INSERT INTO here.notes (tenant_id, body) VALUES ($1, 'late')`, [tenant.id]);
    await expect(write).rejects.toMatchObject({ code: GATE_CLOSED });
    expect(await bodiesIn('here')).toEqual([]);
  });

  it.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])(
    'refuses the first write of a transaction that began before, %s',
    async (level) => {
      const client = asleep();
      await client.query(`BEGIN ISOLATION LEVEL ${level}`);
      await client.query('SELECT * FROM notes');
      expect(await gate.tryLock(WAIT_MS)).toBe(true);
      await gate.set('closed');
      await gate.unlock();
      await expect(insert(client, 'behind the copy')).rejects.toMatchObject({
        code: level === 'READ COMMITTED' ? GATE_CLOSED : '40001',
      });
      await client.query('ROLLBACK');
      expect(await bodiesIn('here')).toEqual([]);
    },
  );

  it('knows of a transaction that has no gate in its snapshot', async () => {
    await gate.remove();
    const client = asleep();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT 1');
    await gate.set('open');
    expect(await gate.hasOlderTransactions()).toBe(true);
    await insert(client, 'noted all the same');
    await client.query('COMMIT');
    expect(await gate.hasOlderTransactions()).toBe(false);
    expect(await gate.changes()).toBe(1);
  });

  it('does not let TRUNCATE remove rows that are being moved', async () => {
    await expect(owner.query('TRUNCATE here.notes CASCADE')).rejects.toMatchObject({ code: '55006' });
  });
});

describe('the triggers of a move', () => {
  interface Trigger {
    readonly name: string;
    readonly state: string;
  }

  const triggers = async (): Promise<Trigger[]> => {
    const { rows } = await owner.query<Trigger>(
      `SELECT tgname AS name, tgenabled AS state FROM pg_trigger
       WHERE tgrelid = 'here.notes'::regclass AND starts_with(tgname, 'tenantry_move_')`,
    );
    return rows;
  };
  const states = async (): Promise<string[]> => (await triggers()).map(({ state }) => state);

  /** Another connection of the owner, in a transaction, which is committed. */
  async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('BEGIN');
      await work(client);
      await client.query('COMMIT');
    } finally {
      await client.end();
    }
  }

  it('are disabled at its end while the table is read all the time, and dropped once it is not', async () => {
    await inTransaction(async (reader) => {
      await reader.query('SELECT FROM here.notes LIMIT 1');
      await disableWriteTriggers(owner, 'here', tenant.id, FOREVER);
      await gate.remove();
      await dropDisabledTriggers(owner, 'here', FOREVER);
      expect(await states()).toEqual(['D', 'D', 'D', 'D']);
      await asleep().query("INSERT INTO notes (body) VALUES ('behind the move')");
      expect(await gate.changes()).toBe(0);
    });
    await dropDisabledTriggers(owner, 'here', FOREVER);
    expect(await states()).toEqual([]);
  });

  it('are not dropped when the next move enables them while their table is waited for', async () => {
    await disableWriteTriggers(owner, 'here', tenant.id, FOREVER);
    const left = await triggers();
    let dropping = Promise.resolve();
    await inTransaction(async (next) => {
      await next.query('LOCK TABLE here.notes IN SHARE ROW EXCLUSIVE MODE');
      dropping = dropDisabledTriggers(owner, 'here', FOREVER);
      await soon(async () => {
        const { rows } = await next.query('SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass', [
          'here.notes',
        ]);
        expect(rows).toHaveLength(1);
      });
      for (const { name } of left) await next.query(`ALTER TABLE here.notes ENABLE ALWAYS TRIGGER ${name}`);
    });
    await dropping;
    expect(await states()).toEqual(['A', 'A', 'A', 'A']);
  });

  it('a table that a transaction writes to for too long has no triggers, and the error names it', async () => {
    await disableWriteTriggers(owner, 'here', tenant.id, FOREVER);
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    try {
      await writer.query('BEGIN; LOCK TABLE here.notes IN ROW EXCLUSIVE MODE');
      const options = { signal: FOREVER, attempts: 1 };
      const created = createWriteTriggers(owner, 'here', neighbour.id, [{ name: 'notes', key: ['id'] }], options);
      await expect(created).rejects.toMatchObject({
        code: 'TABLE_IN_USE',
        message: expect.stringContaining('"here"."notes"'),
      });
      expect(new Set(await states())).toEqual(new Set(['D'])); // those of the other tenant
    } finally {
      await writer.end();
    }
  });
});
