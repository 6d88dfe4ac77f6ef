import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Moves } from '../../../src/admin/moves/moves.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import type { OperationEntity } from '../../../src/catalog/entities/operation.entity.js';
import { TenantConnectionService, TenantContext } from '../../../src/index.js';
import { Operations } from '../../../src/operations/operations.js';
import { Fleet, type Instance, NOTES } from '../../support/fleet/fleet.js';
import { soon } from '../../support/load/soon.js';

const SLUG = 'moving';
/** A write to rows that are elsewhere, once its deadline has passed. */
const REFUSED = { code: 'TENANT_READ_ONLY' };

/** Where the catalog has the tenant, and what becomes of it. */
interface Served {
  readonly isolation: string;
  readonly move: string | null;
}

let fleet: Fleet;
let instance: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  instance = await fleet.instance([NOTES], { DB_POOL_TIMEOUT: '2' });
  await instance.provision(SLUG, 'row');
});

afterAll(() => fleet.dispose());

/** In shared tables, with rows 1 and 2. */
beforeEach(async () => {
  const { isolation, move } = await served();
  if (move === 'moved') await finish();
  if (isolation !== 'row') await moveTo('row').then(() => finish());
  await query('DELETE FROM notes');
  await query('INSERT INTO notes (id) VALUES (1), (2)');
});

const query = (sql: string): Promise<{ id: number }[]> =>
  instance.nest
    .get(TenantConnectionService)
    .run(SLUG, () => instance.nest.get(TenantContext).current().dataSource.query(sql));

const ids = async (): Promise<number[]> => (await query('SELECT id FROM notes ORDER BY id')).map(({ id }) => id);

async function served(): Promise<Served> {
  const [found] = await fleet.database.admin<Served>(
    `SELECT isolation, (SELECT state FROM moves m WHERE m.tenant_id = t.id) AS move FROM tenants t WHERE slug = '${SLUG}'`,
  );
  return found!;
}

type Request = (moves: Moves, catalog: EntityManager) => Promise<OperationEntity>;

const request = (made: Request): Promise<OperationEntity> =>
  instance.catalog.transaction((catalog) => made(instance.nest.get(Moves), catalog));

async function operate(made: Request): Promise<string> {
  const { id } = await request(made);
  await expectSuccess(id);
  await endOthers();
  return id;
}

async function expectSuccess(id: string): Promise<void> {
  const { status, error } = await instance.complete(id);
  expect([status, error]).toEqual(['succeeded', null]);
}

/** What follows from an operation, such as the removal of what a move has left that was taken back. */
async function endOthers(): Promise<void> {
  const pending = await fleet.database.admin<{ id: string }>(`SELECT id FROM operations WHERE status = 'pending'`);
  for (const { id } of pending) await expectSuccess(id);
}

const moveTo = (isolation: 'row' | 'schema'): Promise<string> =>
  operate((moves, catalog) => moves.move(catalog, SLUG, { isolation }, TENANTRY_ACTOR));
const finish = (): Promise<string> => operate((moves, catalog) => moves.finish(catalog, SLUG, TENANTRY_ACTOR));
const moveBack = (): Promise<string> => operate((moves, catalog) => moves.moveBack(catalog, SLUG, TENANTRY_ACTOR));

/** The tenant's row as it is now; the result brings it back, as a standby has it that lacks the last changes. */
async function rememberTenant(): Promise<() => Promise<void>> {
  const COLUMNS = 'target_id, schema_name, isolation, is_moving';
  await fleet.database.admin(
    `DROP TABLE IF EXISTS former; CREATE TABLE former AS SELECT * FROM tenants WHERE slug = '${SLUG}'`,
  );
  return async () => {
    await fleet.database.admin(
      `UPDATE tenants SET (${COLUMNS}) = (SELECT ${COLUMNS} FROM former) WHERE slug = '${SLUG}'`,
    );
  };
}

/** Moves the tenant to a schema and back, and writes a row; then the catalog has lost that it is back. */
async function loseWayBack(): Promise<{ readonly id: string; readonly undoId: string }> {
  await moveTo('schema');
  const lose = await rememberTenant();
  const { id } = await request((moves, catalog) => moves.moveBack(catalog, SLUG, TENANTRY_ACTOR));
  await expectSuccess(id);
  const [undo] = await fleet.database.admin<{ id: string }>(`SELECT id FROM operations WHERE status = 'pending'`);
  await query('INSERT INTO notes (id) VALUES (3)');
  await lose();
  return { id, undoId: undo!.id };
}

/** The operation is back at a step, and runs; so is the move. */
async function loseSteps(id: string, from: string, state: string): Promise<void> {
  await fleet.database.admin(
    `UPDATE operations SET status = 'pending', finished_at = NULL,
       finished_steps = finished_steps[:array_position(finished_steps, '${from}') - 1] WHERE id = '${id}'`,
  );
  await fleet.database.admin(`UPDATE moves SET state = '${state}', switching = NULL`);
}

describe('a catalog that has lost the switch of a tenant', () => {
  it.each(['note-changes', 'copy', 'switch'])(
    'has it again once the operation goes on with "%s", and no row is lost that was written since',
    async (step) => {
      const lose = await rememberTenant();
      const id = await moveTo('schema');
      await query('INSERT INTO notes (id) VALUES (3)');
      await lose();
      await loseSteps(id, step, 'moving');
      await expectSuccess(id);
      expect(await served()).toEqual({ isolation: 'schema', move: 'moved' });
      await soon(async () => expect(await ids()).toEqual([1, 2, 3]));
      await moveBack();
      expect(await ids()).toEqual([1, 2, 3]);
    },
  );

  it('has it as well where the operation is cancelled, instead of removing the rows', async () => {
    const lose = await rememberTenant();
    const id = await moveTo('schema');
    await query('INSERT INTO notes (id) VALUES (3)');
    await lose();
    await loseSteps(id, 'copy', 'moving');
    await instance.nest.get(Operations).cancel(id, TENANTRY_ACTOR);
    await instance.complete(id);
    await endOthers();
    expect(await served()).toEqual({ isolation: 'schema', move: 'moved' });
    await soon(async () => expect(await ids()).toEqual([1, 2, 3]));
  });

  it('removes what a cancelled operation has made where nothing was written since', async () => {
    const lose = await rememberTenant();
    const id = await moveTo('schema');
    await lose();
    await loseSteps(id, 'copy', 'moving');
    await instance.nest.get(Operations).cancel(id, TENANTRY_ACTOR);
    await instance.complete(id);
    await endOthers();
    expect(await served()).toEqual({ isolation: 'row', move: null });
    await query('INSERT INTO notes (id) VALUES (3)');
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('refuses writes when it has lost all of the move, also a move to a third place, until the same move is requested', async () => {
    const lose = await rememberTenant();
    const id = await moveTo('schema');
    await query('INSERT INTO notes (id) VALUES (3)');
    await lose();
    await fleet.database.admin(`DELETE FROM moves; DELETE FROM operations WHERE id = '${id}'`);
    await soon(() => expect(query('INSERT INTO notes (id) VALUES (4)')).rejects.toMatchObject(REFUSED));
    const other = await request((moves, catalog) =>
      moves.move(catalog, SLUG, { isolation: 'database' }, TENANTRY_ACTOR),
    );
    const { error } = await instance.complete(other.id);
    expect(error).toMatchObject({ code: 'MOVE_REFUSED', message: expect.stringContaining('another place') });
    await endOthers();
    expect(await served()).toEqual({ isolation: 'row', move: null });
    await expect(query('INSERT INTO notes (id) VALUES (4)')).rejects.toMatchObject(REFUSED);
    await moveTo('schema');
    expect(await served()).toEqual({ isolation: 'schema', move: 'moved' });
    await soon(async () => expect(await ids()).toEqual([1, 2, 3]));
  });

  it('has the way back again, and no row is lost that was written since', async () => {
    const { id, undoId } = await loseWayBack();
    await fleet.database.admin(`DELETE FROM operations WHERE id = '${undoId}'`);
    await loseSteps(id, 'catch-up', 'moved');
    await expectSuccess(id);
    await endOthers();
    expect(await served()).toEqual({ isolation: 'row', move: null });
    await soon(async () => expect(await ids()).toEqual([1, 2, 3]));
  });

  it('is not finished at the place that the tenant has left since, but taken back to its end', async () => {
    const { id, undoId } = await loseWayBack();
    await fleet.database.admin(`DELETE FROM operations WHERE id = ANY ($1)`, [[id, undoId]]);
    await fleet.database.admin(`UPDATE moves SET state = 'moved', switching = NULL`);
    const asked = await request((moves, catalog) => moves.finish(catalog, SLUG, TENANTRY_ACTOR));
    expect((await instance.complete(asked.id)).error).toMatchObject({ code: 'MOVE_REFUSED' });
    await expect(request((moves, catalog) => moves.finish(catalog, SLUG, TENANTRY_ACTOR))).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await soon(async () => expect(await ids()).toEqual([1, 2, 3]));
    await moveBack();
    expect(await served()).toEqual({ isolation: 'row', move: null });
    expect(await ids()).toEqual([1, 2, 3]);
  });
});

describe('a way back that ends behind its switch', () => {
  it.each([[true], [false]])(
    'keeps the rows when the move is then to be finished; written since: %s',
    async (isWritten) => {
      await moveTo('schema');
      const { id } = await request((moves, catalog) => moves.moveBack(catalog, SLUG, TENANTRY_ACTOR));
      await expectSuccess(id);
      await fleet.database.admin(`DELETE FROM operations WHERE status = 'pending'`); // that follows from it
      await loseSteps(id, 'remove', 'moved');
      await instance.nest.get(Operations).cancel(id, TENANTRY_ACTOR);
      await instance.complete(id);
      if (isWritten) await query('INSERT INTO notes (id) VALUES (3)');
      await expect(request((moves, catalog) => moves.finish(catalog, SLUG, TENANTRY_ACTOR))).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await moveBack();
      expect(await served()).toEqual({ isolation: 'row', move: null });
      expect(await ids()).toEqual(isWritten ? [1, 2, 3] : [1, 2]);
    },
  );
});
