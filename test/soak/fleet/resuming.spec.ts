import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { Operations } from '../../../src/operations/operations.js';
import { soon } from '../../support/load/soon.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';
import { Gate } from '../../support/fleet/gate.js';
import { type ConnectionPurpose, isNamedFor } from '../../../src/platform/postgres/application-name.js';

const [OLD, NEW] = ['Notes1764000000001', 'Title1764000000002'];

let fleet: Fleet;
let gate: Gate;
/** Stops in the middle of the third unit, with one unit at a time. */
let first: Instance;

beforeEach(async () => {
  fleet = await Fleet.create();
  const old = await fleet.instance([NOTES]);
  for (const slug of ['a', 'b', 'c', 'd', 'e']) await old.provision(slug, 'schema');
  gate = new Gate();
  first = await fleet.instance([NOTES, gate.migration((arrival) => arrival === 3)]);
});
afterEach(() => fleet.dispose());

async function versions(): Promise<(string | null)[]> {
  return (await fleet.tenants()).map(({ version }) => version);
}

/** Resolves when the operation has given one more sign of life. */
async function heartbeat(id: string): Promise<void> {
  const last = async (): Promise<number | undefined> =>
    (await first.nest.get(Operations).find(id)).heartbeatAt?.getTime();
  const before = await last();
  await soon(async () => expect(await last()).not.toBe(before));
}

function kill(purpose: ConnectionPurpose): Promise<unknown> {
  return fleet.database.admin(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isNamedFor(purpose)} AND datname = $1`,
    [fleet.database.name],
  );
}

describe('an interrupted fleet migration', () => {
  it('resumes on another instance when its own shuts down', async () => {
    const id = await first.ask({ parallelism: 1 });
    const interrupted = first.nest.get(OperationRunner).runToCompletion(id);
    const outcome = expect(interrupted).rejects.toThrow();
    await gate.reached(3);
    const stopped = first.nest.get(OperationRunner).pause();
    gate.open(); // only to find its connection closed
    await outcome;
    await stopped;
    expect(gate.passed).toBe(2);
    expect(await versions()).toEqual([NEW, NEW, OLD, OLD, OLD]);
    expect(await fleet.hasColumn('c', 'title')).toBe(false);
    expect((await fleet.results(id)).map(({ slug }) => slug)).toEqual(['a', 'b']);
    const operation = await (await fleet.instance([NOTES, TITLE])).complete(id);
    expect(operation).toMatchObject({ status: 'succeeded', result: { units: 5, migrated: 5, tenants: 5 } });
    expect(await versions()).toEqual([NEW, NEW, NEW, NEW, NEW]);
  });

  it('leaves the current unit to its successor when it loses its lock', async () => {
    const id = await first.ask({ parallelism: 1 });
    const interrupted = first.nest.get(OperationRunner).runToCompletion(id);
    const outcome = expect(interrupted).rejects.toThrow();
    await gate.reached(3);
    await kill('operations');
    const second = await fleet.instance([NOTES, TITLE]);
    const operation = await second.complete(id); // c is free, although the first instance has not come to its end
    expect(operation).toMatchObject({ status: 'succeeded', result: { migrated: 5, failed: 0 } });
    gate.open();
    await outcome;
    expect(await versions()).toEqual([NEW, NEW, NEW, NEW, NEW]);
    expect((await fleet.results(id)).map(({ status }) => status)).toEqual(Array(5).fill('succeeded'));
  });

  it('ends after the current units when cancelled, and a retry continues', async () => {
    const id = await first.ask({ parallelism: 1 });
    const completed = first.complete(id);
    await gate.reached(3);
    await first.nest.get(Operations).cancel(id, TENANTRY_ACTOR);
    await heartbeat(id);
    await heartbeat(id); // the one before it has brought the request
    gate.open();
    expect(await completed).toMatchObject({ status: 'cancelled', result: { units: 5, migrated: 3, remaining: 2 } });
    expect(await versions()).toEqual([NEW, NEW, NEW, OLD, OLD]);
    const operation = await (await fleet.instance([NOTES, TITLE])).retry(id);
    expect(operation).toMatchObject({ status: 'succeeded', result: { units: 5, migrated: 5, remaining: 0 } });
  });

  it('fails only the unit whose connection died', async () => {
    const id = await first.ask({ parallelism: 1 });
    const completed = first.complete(id);
    await gate.reached(3);
    const database = (
      await fleet.database.admin<{ name: string }>('SELECT database AS name FROM connection_targets')
    )[0];
    await fleet.database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isNamedFor('owner')} AND datname = $1`,
      [database?.name],
    );
    gate.open();
    expect(await completed).toMatchObject({ status: 'failed', result: { migrated: 4, failed: 1 } });
    expect(await versions()).toEqual([NEW, NEW, OLD, NEW, NEW]);
  });
});

describe('a result recorded before a crash', () => {
  it("counts: a canary's failure stops the operation even when it was not reported", async () => {
    const id = await first.ask({ canary: { tenants: ['a', 'b'] } });
    await fleet.database.admin(
      `INSERT INTO operation_tenants (operation_id, tenant_id, slug, status, duration_ms)
       SELECT $1, id, slug, 'failed', 1 FROM tenants WHERE slug = 'a'`,
      [id],
    );
    expect(await first.complete(id)).toMatchObject({ status: 'failed', step: 'canary', result: { failed: 1 } });
    expect(gate.arrived).toBe(0);
  });
});
