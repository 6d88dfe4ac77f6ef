import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Moves } from '../../../src/admin/moves/moves.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantConnectionService } from '../../../src/index.js';
import { Fleet, type Instance, NOTES } from '../../support/fleet/fleet.js';

const SLUG = 'restless';
/**
 * Of each caller. Even those that waited for the same attempt to switch do not end together, so that a quarter of a second without any
 * of them does not come.
 */
const TRANSACTION_SECONDS = [2, 2.3, 2.6, 2.9, 3.2, 3.5];
const LONGEST_MS = 4 * 60_000;

let fleet: Fleet;
let instance: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  instance = await fleet.instance([NOTES]);
  await instance.provision(SLUG, 'row');
}, LONGEST_MS);

afterAll(() => fleet.dispose());

it(
  'a tenant is moved whose transactions overlap all the time',
  async () => {
    const over = new AbortController();
    let written = 0;
    const callers = TRANSACTION_SECONDS.map(async (seconds) => {
      while (!over.signal.aborted) {
        const connections = instance.nest.get(TenantConnectionService);
        await connections.run(SLUG, () =>
          connections.transaction(async (manager) => {
            // First, so that no lock on the table is in the way of the triggers.
            await manager.query('SELECT pg_sleep($1)', [seconds]);
            await manager.query('INSERT INTO notes (id) VALUES ($1)', [(written += 1)]);
          }),
        );
      }
    });
    const moves = instance.nest.get(Moves);
    const { id } = await instance.catalog.transaction((catalog) =>
      moves.move(catalog, SLUG, { isolation: 'schema' }, TENANTRY_ACTOR),
    );
    const { status, error } = await instance.complete(id).finally(() => over.abort());
    await Promise.all(callers);
    expect([status, error]).toEqual(['succeeded', null]);
    const connections = instance.nest.get(TenantConnectionService);
    const rows = await connections.run(SLUG, () =>
      connections.transaction((manager) => manager.query('SELECT count(*)::int AS rows FROM notes')),
    );
    expect(rows).toEqual([{ rows: written }]);
  },
  LONGEST_MS,
);
