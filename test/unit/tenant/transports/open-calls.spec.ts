import { describe, expect, it, jest } from '@jest/globals';
import { CatalogEvents } from '../../../../src/catalog/feed/catalog-events.js';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import { UnauthenticatedError } from '../../../../src/tenant/identification/identification.errors.js';
import { OpenCalls } from '../../../../src/tenant/transports/open-calls.js';

const callerOf = (id: string): Caller => ({ kind: 'tenant', tenant: { id } }) as unknown as Caller;

/** One open call of acme's, and what its caller is from now on. */
function open() {
  const events = new CatalogEvents();
  const calls = new OpenCalls(events);
  const end = jest.fn();
  let caller = callerOf('acme');
  const stop = calls.watch('acme', () => caller, end);
  return {
    end,
    stop,
    calls,
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
    const { end, changed, calls } = open();
    await changed('acme');
    expect(end).not.toHaveBeenCalled();
    calls.onApplicationShutdown();
  });

  it.each([
    ['has no valid credential any more', { kind: 'anonymous' } as Caller],
    ['works for another tenant', callerOf('globex')],
  ])('ends after a change of its tenant when its caller %s', async (_, caller) => {
    const { end, changed, becomes, calls } = open();
    becomes(caller);
    await changed('globex');
    expect(end).not.toHaveBeenCalled(); // another tenant's change is none of its business
    await changed('acme');
    expect(end).toHaveBeenCalledWith(expect.any(UnauthenticatedError));
    calls.onApplicationShutdown();
  });

  it('is not looked at after it has stopped', async () => {
    const { end, changed, becomes, stop, calls } = open();
    stop();
    becomes({ kind: 'anonymous' });
    await changed('acme');
    expect(end).not.toHaveBeenCalled();
    calls.onApplicationShutdown();
  });
});
