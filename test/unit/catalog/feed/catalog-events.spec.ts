import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Cache } from '../../../../src/cache/contract/cache.js';
import {
  CATALOG_CONSUMERS,
  type CatalogConsumer,
  type CatalogEvent,
  CatalogEvents,
} from '../../../../src/catalog/feed/catalog-events.js';
import type { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { TenantAdmission } from '../../../../src/tenant/admission/tenant-admission.js';
import type { TenantAvailability } from '../../../../src/tenant/admission/tenant-availability.js';
import { TargetWatch } from '../../../../src/tenant/directory/target-watch.js';
import type { TenantDirectory } from '../../../../src/tenant/directory/tenant-directory.js';
import { TenantLookup } from '../../../../src/tenant/directory/tenant-lookup.js';

const RESTORED: CatalogEvent = { kind: 'restored', since: { history: 'a', sequence: 1 } };
const CHANGE: CatalogEvent = { kind: 'change', tenantId: 'acme', slugs: [], keyIds: [], domains: [] };

let events: CatalogEvents;
let received: string[];

beforeEach(() => {
  events = new CatalogEvents();
  received = [];
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** Subscribes a consumer that records what it receives, by its name. */
function record(consumer: CatalogConsumer, name: string = consumer): () => void {
  return events.subscribe(consumer, ({ kind }) => void received.push(`${name}: ${kind}`));
}

it('an event reaches the cache first, then cached values, plans, admission, pools, health and open calls, whatever the order of subscription', () => {
  for (const consumer of CATALOG_CONSUMERS.toReversed()) record(consumer);
  record('cache', 'second cache');
  events.deliver(CHANGE);
  expect(received).toEqual([
    'cache: change',
    'second cache: change',
    'values: change',
    'plans: change',
    'admission: change',
    'pools: change',
    'health: change',
    'open-calls: change',
  ]);
});

it('the cache is invalidated before tenants are checked, and those before pools are refreshed, once all are constructed', () => {
  const called = (name: string): ReadonlySet<string> => {
    received.push(name);
    return new Set();
  };
  const cache = { invalidateAll: () => void called('invalidateAll') } as unknown as Cache;
  const pools = {
    tenantsInUse: () => called('tenantsInUse'),
    targetIds: () => called('targetIds'),
  } as unknown as ConnectionPools;
  const construct = (): unknown[] => [
    new TargetWatch(pools, {} as TenantLookup, events),
    new TenantAdmission(pools, {} as TenantLookup, {} as TenantAvailability, events),
    new TenantLookup(cache, {} as TenantDirectory, events),
  ];
  construct();
  events.deliver({ kind: 'unknown-change' });
  expect(received).toEqual(['invalidateAll', 'tenantsInUse', 'targetIds']);
});

describe('a consumer that throws', () => {
  it.each(CATALOG_CONSUMERS)('%s: keeps none of the others from the event, and is named in the log', (faulty) => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    events.subscribe(faulty, () => {
      throw new Error('planted');
    });
    for (const consumer of CATALOG_CONSUMERS) record(consumer);
    events.deliver(CHANGE);
    expect(received).toEqual(CATALOG_CONSUMERS.map((consumer) => `${consumer}: change`));
    expect(logged.mock.calls).toEqual([[expect.stringMatching(`"change" to ${faulty}: planted`), expect.any(String)]]);
  });
});

describe('a late subscriber', () => {
  it('receives at once that the feed is connected', () => {
    events.deliver(RESTORED);
    events.deliver(CHANGE);
    record('admission');
    expect(received).toEqual(['admission: restored']);
  });

  it('receives nothing while changes may be missed', () => {
    record('cache');
    events.deliver(RESTORED);
    events.deliver({ kind: 'lost' });
    received.length = 0;
    record('admission');
    expect(received).toEqual([]);
  });

  it('receives nothing after it has left', () => {
    const unsubscribe = record('health');
    unsubscribe();
    events.deliver(RESTORED);
    expect(received).toEqual([]);
  });
});
