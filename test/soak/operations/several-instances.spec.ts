import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { ConflictError } from '../../../src/platform/errors/request.errors.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { soon } from '../../support/load/soon.js';
import { ACTOR, kindOf, OperationsRig } from '../../support/operations/support.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

let rig: OperationsRig;

beforeEach(async () => {
  rig = await OperationsRig.start();
});

afterEach(async () => rig.close());

const untilStopped = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
  await once(signal, 'abort');
  throw signal.reason;
};

describe('an operation shared by several instances', () => {
  it('runs once when many instances pick it up at the same time', async () => {
    const ran: string[] = [];
    const kind = kindOf({
      first: async ({ id }) => void ran.push(`first ${id}`),
      second: async ({ id }) => void ran.push(`second ${id}`),
    });
    const runners = await Promise.all(Array.from({ length: 4 }, () => rig.instance(kind)));
    const { id } = await rig.ask(kind);
    for (const { runner } of runners) runner.start();
    await Promise.all(runners.map(({ runner }) => runner.runToCompletion(id)));
    expect(ran).toEqual([`first ${id}`, `second ${id}`]);
    expect(await rig.read(id)).toMatchObject({
      ...{ status: 'succeeded', finishedSteps: ['first', 'second'], step: null, error: null },
      finishedAt: expect.any(Date),
    });
  });

  it('resumes after its last finished step when its instance loses the catalog', async () => {
    const ran: string[] = [];
    const isStuck = { first: true };
    const kind = kindOf({
      one: async () => void ran.push('one'),
      two: async (run) => {
        ran.push('two');
        if (!isStuck.first) return;
        isStuck.first = false;
        await untilStopped(run);
      },
    });
    const { runner: a } = await rig.instance(kind);
    const { runner: b } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    a.start();
    await soon(async () => expect(ran).toEqual(['one', 'two']));
    b.start();
    await rig.database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE ${isNamedFor('operations')} AND datname = current_database()`,
    );
    await soon(async () => expect((await rig.read(id)).status).toBe('succeeded'));
    expect(ran).toEqual(['one', 'two', 'two']);
  });

  it('is taken over from an instance without a heartbeat, which can write nothing any more', async () => {
    const ran: string[] = [];
    const kind = kindOf({
      only: async (run) => {
        ran.push('only');
        if (ran.length === 1) await untilStopped(run);
      },
    });
    const { runner } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    // The signs of life of the first who works on it do not arrive, once it is at its step: each is put into the past.
    await rig.database.admin(`CREATE FUNCTION lifeless() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.attempts = 1 AND OLD.step IS NOT NULL AND current_setting('application_name') LIKE '% operations @%' THEN
          NEW.heartbeat_at := now() - interval '1 minute';
        END IF;
        RETURN NEW;
      END $$`);
    await rig.database.admin(
      'CREATE TRIGGER lifeless BEFORE UPDATE ON operations FOR EACH ROW EXECUTE FUNCTION lifeless()',
    );
    runner.start();
    await soon(async () => expect((await rig.read(id)).status).toBe('succeeded'));
    expect(ran).toEqual(['only', 'only']);
  });

  it('is paused by an instance that shuts down and resumed by another one', async () => {
    const ran: string[] = [];
    const kind = kindOf({
      only: async (run) => {
        ran.push('only');
        if (ran.length === 1) await untilStopped(run);
      },
    });
    const { runner: a } = await rig.instance(kind);
    const { runner: b } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    a.start();
    await soon(async () => expect(ran).toHaveLength(1));
    await a.pause();
    expect((await rig.read(id)).status).toBe('running');
    await b.runToCompletion(id);
    expect(await rig.read(id)).toMatchObject({ status: 'succeeded' });
  });

  it('is left to instances whose code is new enough', async () => {
    class New1700000000001 {
      async up(): Promise<void> {}
      async down(): Promise<void> {}
    }
    const ran: string[] = [];
    const older = kindOf({ only: async () => void ran.push('older') });
    const newer = kindOf({ only: async () => void ran.push('newer') });
    const { runner: a } = await rig.instance(older);
    const { runner: b } = await rig.instance(newer, [New1700000000001]);
    const { id } = await rig.ask(older, 'something', 1_700_000_000_001);
    const { id: anyInstances } = await rig.ask(older, 'something else');
    a.start();
    await soon(async () => expect((await rig.read(anyInstances)).status).toBe('succeeded'));
    expect(await rig.read(id)).toMatchObject({ status: 'pending', attempts: 0 });
    b.start();
    await soon(async () => expect((await rig.read(id)).status).toBe('succeeded'));
    expect(ran).toEqual(['older', 'newer']);
  });

  it('is left to instances whose code has every migration of the code that it was requested with', async () => {
    const migrations = ['First1700000000001', 'Late1700000000002', 'Last1700000000003'];
    const [first, late, last] = migrations.map((name) => migration(name, 'SELECT 1'));
    const ran: string[] = [];
    const { runner: a } = await rig.instance(kindOf({ only: async () => void ran.push('without') }), [first!, last!]);
    const kind = kindOf({ only: async () => void ran.push('with') });
    const { runner: b } = await rig.instance(kind, [first!, late!, last!]);
    const { id } = await rig.ask(kind, 'something', 1_700_000_000_003, migrations);
    const { id: anyInstances } = await rig.ask(kind, 'something else', 1_700_000_000_003, migrations.slice(0, 1));
    a.start();
    await soon(async () => expect((await rig.read(anyInstances)).status).toBe('succeeded'));
    expect(await rig.read(id)).toMatchObject({ status: 'pending', attempts: 0 });
    b.start();
    await soon(async () => expect((await rig.read(id)).status).toBe('succeeded'));
    expect(ran).toEqual(['without', 'with']);
  });

  it('is rejected while another one on the same subject is in progress', async () => {
    const kind = kindOf({ only: async () => undefined });
    const { operations } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await expect(rig.ask(kind)).rejects.toBeInstanceOf(ConflictError);
    await rig.ask(kind, 'something else');
    await operations.cancel(id, ACTOR);
    await rig.ask(kind);
    await expect(operations.retry(id, ACTOR)).rejects.toBeInstanceOf(ConflictError);
  });

  it('is accepted once when it is requested several times at the same moment', async () => {
    const kind = kindOf({ only: async () => undefined });
    await rig.instance(kind);
    const asked = await Promise.allSettled(Array.from({ length: 4 }, () => rig.ask(kind)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of asked) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ConflictError);
    }
  });
});
