import { describe, expect, it, jest } from '@jest/globals';
import { CatalogEvents } from '../../../../src/catalog/feed/catalog-events.js';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import { UnauthenticatedError } from '../../../../src/tenant/identification/identification.errors.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { OpenCalls } from '../../../../src/tenant/transports/open-calls.js';

const callerOf = (id: string): Caller => ({ kind: 'tenant', tenant: { id } }) as unknown as Caller;

/** One open call of acme's, and what its caller is from now on. */
function open(initial = callerOf('acme')) {
  const events = new CatalogEvents();
  const shutdown = new Shutdown();
  const calls = new OpenCalls(events, shutdown);
  const end = jest.fn();
  let caller = initial;
  const stop = calls.watch('acme', () => caller, end);
  return {
    end,
    stop,
    shutdown,
    becomes: (next: Caller) => (caller = next),
    changed: (tenantId?: string) => change(events, tenantId),
  };
}

async function change(events: CatalogEvents, tenantId: string | undefined): Promise<void> {
  events.deliver({ kind: 'change', tenantId, slugs: [], keyIds: [], domains: [] });
  await new Promise(setImmediate);
}

describe('an open call', () => {
  it('goes on while its caller is served', async () => {
    const { end, changed, shutdown } = open();
    await changed('acme');
    expect(end).not.toHaveBeenCalled();
    await shutdown.run();
  });

  it.each([
    ['has no valid credential any more', { kind: 'anonymous' } as Caller],
    ['works for another tenant', callerOf('globex')],
  ])('ends after a change of its tenant when its caller %s', async (_, caller) => {
    const { end, changed, becomes, shutdown } = open();
    becomes(caller);
    await changed('globex');
    expect(end).not.toHaveBeenCalled(); // another tenant's change is none of its business
    await changed('acme');
    expect(end).toHaveBeenCalledWith(expect.any(UnauthenticatedError));
    await shutdown.run();
  });

  it('ends where its caller was refused before it was watched', async () => {
    const { end, shutdown } = open({ kind: 'anonymous' });
    await new Promise(setImmediate);
    expect(end).toHaveBeenCalledWith(expect.any(UnauthenticatedError));
    await shutdown.run();
  });

  it('is not ended while its caller is looked at when it has stopped meanwhile', async () => {
    const { end, stop, shutdown } = open({ kind: 'anonymous' });
    stop();
    await new Promise(setImmediate);
    expect(end).not.toHaveBeenCalled();
    await shutdown.run();
  });

  it('is not looked at once changes are not received any more', async () => {
    const { end, changed, becomes, shutdown } = open();
    await shutdown.run('stop the change feed');
    becomes({ kind: 'anonymous' });
    await changed('acme');
    expect(end).not.toHaveBeenCalled();
  });

  it('is not looked at after it has stopped', async () => {
    const { end, changed, becomes, stop, shutdown } = open();
    stop();
    becomes({ kind: 'anonymous' });
    await changed('acme');
    expect(end).not.toHaveBeenCalled();
    await shutdown.run();
  });
});
