import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, jest } from '@jest/globals';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import { UnauthenticatedError } from '../../../../src/tenant/identification/identification.errors.js';
import type { GraphqlOperation } from '../../../../src/tenant/transports/graphql-operations.js';
import { GraphqlSubscriptions } from '../../../../src/tenant/transports/graphql-subscriptions.js';
import type { OpenCalls } from '../../../../src/tenant/transports/open-calls.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CALLER = { kind: 'tenant', tenant: { id: 'acme' }, scope: {} } as unknown as Caller;

/** One subscription, and what is called to refuse its caller. */
function guarded(source: AsyncIterable<unknown>) {
  const stop = jest.fn();
  let refuse: (rejection: unknown) => void = () => undefined;
  const openCalls = { watch: (_id: string, _recheck: unknown, end: typeof refuse) => ((refuse = end), stop) };
  const operation = { context: { tenantId: 'acme' }, source: {}, recheck: () => CALLER } as unknown as GraphqlOperation;
  const events = new GraphqlSubscriptions(openCalls as unknown as OpenCalls).guard(operation, source);
  return {
    events: events as AsyncIterableIterator<unknown>,
    stop,
    operation,
    refuse: (error: unknown) => refuse(error),
  };
}

async function* source(): AsyncGenerator<number> {
  try {
    yield 1;
  } finally {
    throw new Error('the source has failed'); // oxlint-disable-line no-unsafe-finally -- as a failed clean-up does
  }
}

async function* silence(): AsyncGenerator<number> {
  yield 1;
  await new Promise(() => undefined);
}

describe('a subscription', () => {
  it('whose source fails is not watched any more', async () => {
    const { events, stop } = guarded(source());
    expect(await events.next()).toEqual({ done: false, value: 1 });
    await expect(events.next()).rejects.toThrow('the source has failed');
    expect(stop).toHaveBeenCalled();
  });

  it('whose source cannot be closed ends without an error that nothing handles', async () => {
    const { events, stop } = guarded(source());
    await events.next();
    expect(await events.return?.()).toEqual({ done: true, value: undefined }); // jest fails on an unhandled rejection
    await new Promise(setImmediate);
    expect(stop).toHaveBeenCalled();
  });

  it('whose caller is refused while it waits has one last event, and ends', async () => {
    const { events, stop, operation, refuse } = guarded(silence());
    await events.next();
    const last = events.next();
    const rejection = new UnauthenticatedError('revoked');
    refuse(rejection);
    expect(await last).toEqual({ done: false, value: {} });
    expect(operation.rejection).toBe(rejection);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(stop).toHaveBeenCalled();
  });

  it('whose caller works for another tenant by the next event has one last event, and ends', async () => {
    const { events, operation } = guarded(source());
    Object.assign(operation, { recheck: () => ({ ...CALLER, tenant: { id: 'globex' } }) });
    expect(await events.next()).toEqual({ done: false, value: {} });
    expect(operation.rejection).toBeInstanceOf(UnauthenticatedError);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('keeps no event that it has delivered', async () => {
    const sent: WeakRef<object>[] = [];
    async function* manyEvents(): AsyncGenerator<object> {
      for (;;) yield newEvent(sent);
    }
    const { events, refuse } = guarded(manyEvents());
    for (let n = 0; n < 20; n += 1) await events.next();
    await new Promise(setImmediate);
    collectGarbage();
    expect(sent.filter((event) => event.deref()).length).toBeLessThan(3);
    refuse(new UnauthenticatedError('revoked')); // it is open until here
  });
});

function newEvent(sent: WeakRef<object>[]): object {
  const event = { payload: 'for one reader' };
  sent.push(new WeakRef(event));
  return event;
}
