import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Moves } from '../../../src/admin/moves/moves.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import type { OperationEntity } from '../../../src/catalog/entities/operation.entity.js';
import type { Tenant } from '../../../src/catalog/model/tenant.js';
import { TenantConnectionService } from '../../../src/index.js';
import { createTenantTable } from '../../../src/database/table-migrations/tenant-table.js';
import { Fleet, type Instance } from '../../support/fleet/fleet.js';
import { percentile } from '../../support/load/paced-load.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { migration } from '../../support/tables/migration-fixture.js';

const LONGEST_MS = 20 * 60_000;
const TABLES = Array.from({ length: 20 }, (_, n) => `t${n}`);
const ROUNDS = 3;
/** Of the ratio of two medians. */
const MAX_RATIO = 2;

const TWENTY = migration('Twenty1764000000001', async (runner) => {
  for (const table of TABLES) {
    await createTenantTable(runner, table, { columns: { id: 'int NOT NULL', text: 'text' } });
  }
});

let fleet: Fleet;
let instance: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  instance = await fleet.instance([TWENTY]);
});
afterAll(() => fleet.dispose());

async function tenantWith(slug: string, rows: number): Promise<Tenant> {
  const tenant = await instance.provision(slug, 'row');
  const [target] = await fleet.database.admin<{ database: string }>('SELECT database FROM connection_targets LIMIT 1');
  for (const table of TABLES) {
    await asSuperuser(
      target!.database,
      `INSERT INTO shared.${table} (tenant_id, id, text)
       SELECT '${tenant.id}', n, md5(n::text) FROM generate_series(1, ${rows / TABLES.length}) n`,
    );
  }
  await asSuperuser(target!.database, 'ANALYZE');
  return tenant;
}

/** Changes rows of the tenant, one after the other, wherever they are, until it is stopped. */
class Changes {
  made = 0;
  private goesOn = true;
  private readonly changing: Promise<void>;

  constructor(private readonly tenant: Tenant) {
    this.changing = this.change();
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await this.changing;
  }

  private async change(): Promise<void> {
    for (; this.goesOn; this.made += 1) {
      const table = TABLES[this.made % TABLES.length];
      const source = await instance.nest.get(TenantConnectionService).dataSource(this.tenant);
      await source.query(`UPDATE ${table} SET text = 'changed' WHERE id = $1`, [1 + (this.made % 50)]);
    }
  }
}

async function operate(
  request: (moves: Moves, catalog: EntityManager) => Promise<OperationEntity>,
): Promise<Record<string, unknown>> {
  const moves = instance.nest.get(Moves);
  const { id } = await instance.catalog.transaction((catalog) => request(moves, catalog));
  const { status, error, result } = await instance.complete(id);
  expect([status, error]).toEqual(['succeeded', null]);
  return result ?? {};
}

/** @returns how long writes waited in each switch, and how long the moves took */
async function pauses(tenant: Tenant): Promise<{ readonly waits: number[]; readonly seconds: number[] }> {
  const waits: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const isThere = round % 2 === 1;
    const startedAt = performance.now();
    const isolation = isThere ? 'row' : 'schema';
    const moved = await operate((moves, catalog) => moves.move(catalog, tenant.slug, { isolation }, TENANTRY_ACTOR));
    seconds.push((performance.now() - startedAt) / 1000);
    waits.push(Number(moved['waitMs']));
    await operate((moves, catalog) => moves.finish(catalog, tenant.slug, TENANTRY_ACTOR));
  }
  return { waits, seconds };
}

it(
  'the writes of a tenant with 1,000,000 rows in 20 tables wait as long as those of one with 1,000',
  async () => {
    const medians: number[] = [];
    for (const [slug, rows] of [
      ['few', 1_000],
      ['many', 1_000_000],
    ] as const) {
      const tenant = await tenantWith(slug, rows);
      const changes = new Changes(tenant);
      const { waits, seconds } = await pauses(tenant);
      await changes.stop();
      expect(changes.made).toBeGreaterThan(0);
      medians.push(percentile(waits, 0.5));
      const moves = seconds.map((value) => `${value.toFixed(1)} s`).join(', ');
      process.stderr.write(
        `${rows} rows: writes waited ${waits.join(', ')} ms; the moves took ${moves}; ${changes.made} changes meanwhile\n`,
      );
    }
    const ratio = medians[1]! / medians[0]!;
    process.stderr.write(`ratio of the medians: ${ratio.toFixed(2)}\n`);
    expect(ratio).toBeLessThan(MAX_RATIO);
  },
  LONGEST_MS,
);
