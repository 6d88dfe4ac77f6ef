import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { OperationFailedError } from '../../../src/operations/operation.errors.js';
import { ConflictError } from '../../../src/platform/errors/request.errors.js';
import { soon } from '../../support/load/soon.js';
import { ACTOR, kindOf, OperationsRig } from '../../support/operations/support.js';

let rig: OperationsRig;

beforeEach(async () => {
  rig = await OperationsRig.start();
});

afterEach(async () => rig.close());

describe('an operation', () => {
  it('records its step, the progress inside it, and a heartbeat', async () => {
    const go = new AbortController();
    const kind = kindOf({
      before: async () => undefined,
      counting: async ({ reportProgress: progress, addResult: report }) => {
        progress(3, 10);
        await report({ found: 3 });
        await once(go.signal, 'abort');
      },
    });
    const { runner } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    const completed = runner.runToCompletion(id);
    await soon(async () =>
      expect(await rig.read(id)).toMatchObject({
        ...{ status: 'running', step: 'counting', finishedSteps: ['before'], done: 3, total: 10, result: { found: 3 } },
        ...{ instance: expect.stringContaining(`:${process.pid}`), heartbeatAt: expect.any(Date) },
      }),
    );
    go.abort();
    await completed;
    expect(await rig.read(id)).toMatchObject({ status: 'succeeded', result: { found: 3 }, state: {} });
  });

  it('passes the state saved by a step to the next attempt and to later steps', async () => {
    const seen: unknown[] = [];
    const kind = kindOf({
      first: async ({ saveState: keep, state }) => {
        seen.push({ ...state });
        await keep({ name: 'chosen' });
        seen.push({ ...state });
        if (seen.length === 2) throw new Error('crash');
      },
      second: async ({ state }) => void seen.push({ ...state }),
    });
    const { runner, operations } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await expect(runner.runToCompletion(id)).rejects.toBeInstanceOf(OperationFailedError);
    await operations.retry(id, ACTOR);
    await runner.runToCompletion(id);
    const chosen = { name: 'chosen' };
    expect(seen).toEqual([{}, chosen, chosen, chosen, chosen]);
  });

  it('fails with a code that reveals nothing of an unexpected error, and resumes when retried', async () => {
    const failing = { now: true };
    const ran: string[] = [];
    const told: string[] = [];
    const kind = kindOf(
      {
        first: async () => void ran.push('first'),
        second: async () => {
          if (failing.now) throw new Error('password=secret');
        },
      },
      { onFailed: async (_catalog, { id }) => void told.push(id) },
    );
    const { runner, operations } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await expect(runner.runToCompletion(id)).rejects.toBeInstanceOf(OperationFailedError);
    const failed = await rig.read(id);
    expect(failed).toMatchObject({ status: 'failed', step: 'second', error: { code: 'INTERNAL_ERROR' } });
    expect(JSON.stringify(failed)).not.toContain('secret');
    expect(told).toEqual([id]);
    await operations.retry(id, ACTOR);
    failing.now = false;
    await runner.runToCompletion(id);
    expect(ran).toEqual(['first']);
    await expect(operations.retry(id, ACTOR)).rejects.toBeInstanceOf(ConflictError);
    await expect(operations.cancel(id, ACTOR)).rejects.toBeInstanceOf(ConflictError);
  });

  it('is retried automatically when a database was unavailable', async () => {
    let attempts = 0;
    const kind = kindOf({
      only: async () => {
        attempts += 1;
        if (attempts === 1) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      },
    });
    const { runner } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await runner.runToCompletion(id);
    expect(attempts).toBe(2);
  });

  it('ends at once when cancelled while pending, and within a heartbeat when cancelled while running', async () => {
    const told: string[] = [];
    const kind = kindOf(
      {
        only: async ({ signal }) => {
          await once(signal, 'abort');
          throw signal.reason;
        },
      },
      { onCancelled: async (_catalog, { id }) => void told.push(id) },
    );
    const { runner, operations } = await rig.instance(kind);
    const before = await rig.ask(kind, 'before');
    expect(await operations.cancel(before.id, ACTOR)).toMatchObject({ status: 'cancelled' });
    const during = await rig.ask(kind, 'during');
    const completed = runner.runToCompletion(during.id);
    const refused = expect(completed).rejects.toBeInstanceOf(OperationFailedError);
    await soon(async () => expect((await rig.read(during.id)).status).toBe('running'));
    await operations.cancel(during.id, ACTOR);
    await refused;
    expect(await rig.read(during.id)).toMatchObject({ status: 'cancelled', error: null });
    expect(told).toEqual([before.id, during.id]);
  });

  it('fails for good after too many attempts without a finished step', async () => {
    const kind = kindOf({ only: async () => undefined });
    const { runner } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await rig.database.admin('UPDATE operations SET attempts = 20 WHERE id = $1', [id]);
    await expect(runner.runToCompletion(id)).rejects.toMatchObject({ reason: 'OPERATION_GIVEN_UP' });
  });

  it('does not begin before its run_after', async () => {
    const kind = kindOf({ only: async () => undefined });
    const { runner } = await rig.instance(kind);
    const { id } = await rig.ask(kind);
    await rig.database.admin("UPDATE operations SET run_after = now() + interval '2 seconds' WHERE id = $1", [id]);
    await runner.runToCompletion(id);
    const [row] = await rig.database.admin<{ early: boolean }>(
      'SELECT started_at < run_after AS early FROM operations WHERE id = $1',
      [id],
    );
    expect(row).toEqual({ early: false });
  });
});
