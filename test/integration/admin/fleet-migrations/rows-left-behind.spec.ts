import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Moves } from '../../../../src/admin/moves/moves.js';
import { TENANTRY_ACTOR } from '../../../../src/catalog/audit/actor.js';
import type { OperationEntity } from '../../../../src/catalog/entities/operation.entity.js';
import { Fleet, type Instance, NOTES } from '../../../support/fleet/fleet.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { migration } from '../../../support/tables/migration-fixture.js';

const DATA = migration('Renumber1764000000003', 'UPDATE notes SET id = id + 10');

let fleet: Fleet;
let newer: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  const older = await fleet.instance([NOTES]);
  for (const slug of ['acme', 'umbrella']) {
    const { id } = await older.provision(slug, 'row');
    await asSuperuser(await database(), 'INSERT INTO shared.notes (tenant_id, id) VALUES ($1, 1)', [id]);
  }
  const moved = await operate(older, (moves, catalog) =>
    moves.move(catalog, 'acme', { isolation: 'schema' }, TENANTRY_ACTOR),
  );
  expect(moved).toMatchObject({ status: 'succeeded' });
  newer = await fleet.instance([NOTES, DATA]);
});
afterAll(() => fleet.dispose());

async function database(): Promise<string> {
  const [target] = await fleet.database.admin<{ database: string }>('SELECT database FROM connection_targets');
  return target!.database;
}

async function operate(
  instance: Instance,
  request: (moves: Moves, catalog: EntityManager) => Promise<OperationEntity>,
): Promise<OperationEntity> {
  const moves = instance.nest.get(Moves);
  const { id } = await instance.catalog.transaction((catalog) => request(moves, catalog));
  return instance.complete(id);
}

async function sharedNotes(): Promise<number[]> {
  const rows = await asSuperuser<{ id: number }>(await database(), 'SELECT id FROM shared.notes ORDER BY id');
  return rows.map(({ id }) => id);
}

it('a migration that changes rows fails clearly where a moved tenant has left some, and runs once the move is finished', async () => {
  const { id } = await newer.migrate();
  expect(await fleet.results(id)).toMatchObject([
    { slug: 'acme', status: 'succeeded' },
    { slug: 'umbrella', status: 'failed', code: 'ROWS_LEFT_BEHIND' },
  ]);
  const [{ message }] = (await fleet.database.admin<{ message: string }>(
    `SELECT error ->> 'message' AS message FROM operation_tenants WHERE slug = 'umbrella'`,
  )) as [{ message: string }];
  expect(message).toMatch(/^migration Renumber1764000000003 changes rows that acme left here: finish the move/);
  expect(await sharedNotes()).toEqual([1, 1]);

  const finished = await operate(newer, (moves, catalog) => moves.finish(catalog, 'acme', TENANTRY_ACTOR));
  expect(finished).toMatchObject({ status: 'succeeded' });
  expect(await newer.retry(id)).toMatchObject({ status: 'succeeded' });
  expect(await sharedNotes()).toEqual([11]);
});
