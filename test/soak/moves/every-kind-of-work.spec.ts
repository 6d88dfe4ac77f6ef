import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Moves } from '../../../src/admin/moves/moves.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import type { OperationEntity } from '../../../src/catalog/entities/operation.entity.js';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { TenantConnectionService, TenantContext, TenantJobs } from '../../../src/index.js';
import { Fleet, type Instance, NOTES } from '../../support/fleet/fleet.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';

const LONGEST_MS = 15 * 60_000;
const OPERATION_MS = 5 * 60_000;
/** Between two pieces of work of a kind: the mover and both instances are in this process. */
const PAUSE_MS = 20;
const SLUG = 'moving';
const NEIGHBOUR = 'neighbour';
/** Of the tenant's rows, so that none is in the way of another one. */
let lastId = 0;

let fleet: Fleet;
let instances: readonly Instance[];

beforeAll(async () => {
  fleet = await Fleet.create();
  instances = [await fleet.instance([NOTES]), await fleet.instance([NOTES])];
  for (const slug of [SLUG, NEIGHBOUR]) await instances[0]!.provision(slug, 'row');
}, LONGEST_MS);
afterAll(() => fleet.dispose());

const connectionsOf = ({ nest }: Instance): TenantConnectionService => nest.get(TenantConnectionService);

async function operate(request: (moves: Moves, catalog: EntityManager) => Promise<OperationEntity>): Promise<void> {
  const [instance] = instances as [Instance];
  let id = '';
  await soon(async () => {
    const moves = instance.nest.get(Moves);
    ({ id } = await instance.catalog.transaction((catalog) => request(moves, catalog)));
  });
  for (let next: string | undefined = id; next !== undefined; next = await pending()) {
    const { status, error } = await instance.complete(next);
    expect([status, error]).toEqual(['succeeded', null]);
  }
}

/** An operation that follows from another one, such as the removal of what a move has left that was taken back. */
async function pending(): Promise<string | undefined> {
  const [next] = await fleet.database.admin<{ id: string }>(
    `SELECT id FROM operations WHERE status = 'pending' LIMIT 1`,
  );
  return next?.id;
}

const moveTo = (isolation: Isolation): Promise<void> =>
  operate((moves, catalog) => moves.move(catalog, SLUG, { isolation }, TENANTRY_ACTOR));
const finish = (): Promise<void> => operate((moves, catalog) => moves.finish(catalog, SLUG, TENANTRY_ACTOR));

/** Ids of a tenant's rows where it is, as PostgreSQL has them, with repetitions. */
async function stored(slug: string): Promise<number[]> {
  const [place] = await fleet.database.admin<{ id: string; database: string; schema: string }>(
    `SELECT t.id, c.database, t.schema_name AS schema FROM tenants t JOIN connection_targets c ON c.id = t.target_id
     WHERE t.slug = $1`,
    [slug],
  );
  const rows = await asSuperuser<{ id: number }>(
    place!.database,
    `SELECT id FROM "${place!.schema}".notes WHERE tenant_id = $1 ORDER BY id`,
    [place!.id],
  );
  return rows.map(({ id }) => id);
}

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);
const INSERT = 'INSERT INTO notes (id) VALUES ($1)';

/** Writes and reads in one way, for one tenant, through one instance. @returns ids of the rows that it has inserted */
type Kind = (instance: Instance, acknowledged: readonly number[]) => Promise<number[]>;

const nextIds = (): [number, number] => [(lastId += 1), (lastId += 1)];

const KINDS: Readonly<Record<string, Kind>> = {
  statement: async (instance) => {
    const [id] = nextIds();
    await instance.nest.get(TenantContext).current().dataSource.query(INSERT, [id]);
    return [id];
  },
  transaction: async (instance) => {
    const ids = nextIds();
    await connectionsOf(instance).transaction(async (manager) => {
      for (const id of ids) {
        await manager.query(INSERT, [id]);
        await delay(5);
      }
    });
    return ids;
  },
  'transaction with one snapshot': async (instance) => {
    const ids = nextIds();
    const { dataSource } = instance.nest.get(TenantContext).current();
    await dataSource.transaction('REPEATABLE READ', async (manager) => {
      await manager.query('SELECT count(*) FROM notes');
      for (const id of ids) await manager.query(INSERT, [id]);
    });
    return ids;
  },
  batch: async (instance) => {
    const ids = nextIds();
    await connectionsOf(instance).batch((batch) => ids.map((id) => batch.query(INSERT, [id])));
    return ids;
  },
  stream: async (instance, acknowledged) => {
    const expected = acknowledged.length;
    const runner = instance.nest.get(TenantContext).current().dataSource.createQueryRunner();
    let count = 0;
    try {
      for await (const row of await runner.stream('SELECT id FROM notes')) {
        if (row && (count += 1) % 100 === 0) await delay(5); // fetched in several portions
      }
    } finally {
      await runner.release();
    }
    if (count < expected) throw new Error(`${count} of ${expected} rows`);
    return [];
  },
  session: async (instance) => {
    const ids = nextIds();
    await connectionsOf(instance).session(async (session) => {
      await session.query('CREATE TEMP TABLE kept (id int)');
      await session.query('INSERT INTO kept VALUES ($1), ($2)', ids);
      await session.query('INSERT INTO notes (id) SELECT id FROM kept');
    });
    return ids;
  },
  job: async (instance) => {
    const [id] = nextIds();
    const jobs = instance.nest.get(TenantJobs);
    const data: unknown = JSON.parse(JSON.stringify(jobs.carry({ id })));
    const worker = instances[id % instances.length]!; // not always the one that has added it
    await delay(50);
    const outcome = await worker.nest.get(TenantJobs).run(data, async () => {
      await worker.nest.get(TenantContext).current().dataSource.query(INSERT, [id]);
    });
    if (outcome.kind !== 'done') throw new Error(`the job is ${outcome.kind}: ${outcome.reason}`);
    return [id];
  },
};

/** Every kind, for both tenants, through both instances, one after the other in each, until it is stopped. */
class Work {
  readonly acknowledged: Record<string, number[]> = { [SLUG]: [], [NEIGHBOUR]: [] };
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  private goesOn = true;
  private readonly loops: Promise<void>[];

  constructor() {
    this.loops = Object.entries(KINDS).flatMap(([name, kind]) =>
      instances.flatMap((instance) => [SLUG, NEIGHBOUR].map((slug) => this.loop(slug, instance, name, kind))),
    );
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await Promise.all(this.loops);
  }

  private async loop(slug: string, instance: Instance, name: string, kind: Kind): Promise<void> {
    const acknowledged = this.acknowledged[slug]!;
    while (this.goesOn && this.faults.length < 100) {
      try {
        acknowledged.push(...(await connectionsOf(instance).run(slug, () => kind(instance, acknowledged))));
        this.counts[name] = (this.counts[name] ?? 0) + 1;
      } catch (error) {
        this.faults.push(`${slug}, ${name}: ${String(error)}`);
      }
      await delay(PAUSE_MS);
    }
  }
}

describe('a tenant that works in every way while it moves', () => {
  it.each(['schema', 'database', 'row'] as const)(
    'to %s, back, and there again: no work fails, and each acknowledged row is there once',
    async (isolation) => {
      const [before, neighboursBefore] = [await stored(SLUG), await stored(NEIGHBOUR)];
      const work = new Work();
      try {
        await moveTo(isolation);
        await operate((moves, catalog) => moves.moveBack(catalog, SLUG, TENANTRY_ACTOR));
        await moveTo(isolation);
        await finish();
      } finally {
        await work.stop();
      }
      process.stderr.write(`${isolation}: ${JSON.stringify(work.counts)}\n`);
      expect(work.faults).toEqual([]);
      expect(Object.keys(work.counts)).toHaveLength(Object.keys(KINDS).length);
      expect(await stored(SLUG)).toEqual(sorted([...before, ...work.acknowledged[SLUG]!]));
      expect(await stored(NEIGHBOUR)).toEqual(sorted([...neighboursBefore, ...work.acknowledged[NEIGHBOUR]!]));
    },
    LONGEST_MS,
  );
});

class Signal {
  set!: () => void;
  readonly isSet = new Promise<void>((resolve) => {
    this.set = resolve;
  });
}

// It must come after the others, which leave the tenant in shared tables.
describe('what was under way when a move began', () => {
  it(
    'is waited for, and its rows are at the new place',
    async () => {
      const [first, second] = instances as [Instance, Instance];
      const before = await stored(SLUG);
      const order: string[] = [];
      const [oldId, sleeperId] = nextIds();
      const [lateId] = nextIds();

      /** It reads under a snapshot that is older than the gate, and writes behind it. */
      const isOpen = new Signal();
      const mayWrite = new Signal();
      const old = connectionsOf(second).run(SLUG, () =>
        second.nest
          .get(TenantContext)
          .current()
          .dataSource.transaction('REPEATABLE READ', async (manager) => {
            await manager.query('SELECT count(*) FROM notes');
            isOpen.set();
            await mayWrite.isSet;
            await manager.query(INSERT, [oldId]);
            order.push('old transaction');
          }),
      );
      await isOpen.isSet;
      const moved = moveTo('schema').then(() => void order.push('move'));
      await soon(async () => {
        const [row] = await fleet.database.admin<{ moving: boolean }>(
          'SELECT is_moving AS moving FROM tenants WHERE slug = $1',
          [SLUG],
        );
        expect(row?.moving).toBe(true);
      }, OPERATION_MS);

      /** It is one statement of ten seconds that began before the fence, with a snapshot for all of it. */
      const sleeper = connectionsOf(second)
        .run(SLUG, () =>
          second.nest
            .get(TenantContext)
            .current()
            .dataSource.query('INSERT INTO notes (id) SELECT $1::int FROM (SELECT pg_sleep(10)) slept', [sleeperId]),
        )
        .then(() => void order.push('statement of ten seconds'));
      await delay(1_000); // it is under way
      const late = connectionsOf(first)
        .run(SLUG, () =>
          first.nest
            .get(TenantContext)
            .current()
            .dataSource.transaction('REPEATABLE READ', async (manager) => {
              await manager.query('SELECT count(*) FROM notes');
              await delay(2_000);
              await manager.query(INSERT, [lateId]);
            }),
        )
        .then(() => void order.push('late transaction'));
      await Promise.all([late, sleeper]);
      mayWrite.set();
      await Promise.all([old, moved]);
      expect(order).toEqual(['late transaction', 'statement of ten seconds', 'old transaction', 'move']);
      expect(await stored(SLUG)).toEqual(sorted([...before, oldId, sleeperId, lateId]));
      await finish();
      expect(await stored(SLUG)).toEqual(sorted([...before, oldId, sleeperId, lateId]));
    },
    LONGEST_MS,
  );
});
