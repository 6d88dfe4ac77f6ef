import { beforeEach, describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { CatalogEvents } from '../../../src/catalog/feed/catalog-events.js';
import { CatalogIndicator } from '../../../src/health/catalog.indicator.js';
import type { CatalogProbe } from '../../../src/health/catalog-probe.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';

const GRACE_MS = 2_000;
/** For so long all probes share one answer of the catalog. */
const SHARED_MS = 1_000;
const HOUR_MS = 3_600_000;

let nowMs: number;
let isCatalogUp: boolean;
let queries: number;
let events: CatalogEvents;
let indicator: CatalogIndicator;

beforeEach(() => {
  nowMs = HOUR_MS;
  isCatalogUp = true;
  queries = 0;
  const config = { cache: { graceSeconds: GRACE_MS / 1000 } } as AppConfig;
  const check = async (): Promise<void> => {
    queries += 1;
    if (!isCatalogUp) throw new Error('connect ECONNREFUSED');
  };
  events = new CatalogEvents();
  indicator = new CatalogIndicator(
    config,
    { check } as CatalogProbe,
    events,
    new HealthIndicatorService(),
    () => nowMs,
  );
});

async function status(): Promise<unknown> {
  return (await indicator.check())['catalog']?.status;
}

describe('the readiness of an instance whose catalog is away', () => {
  it('counts the outage from when the catalog went, however long ago the last probe was', async () => {
    expect(await status()).toBe('up');
    nowMs += HOUR_MS;
    isCatalogUp = false;
    expect(await status()).toBe('degraded');
    nowMs += GRACE_MS - 1;
    expect(await status()).toBe('degraded');
    nowMs += 1;
    expect(await status()).toBe('down');
  });

  it('counts the outage from the loss of the change feed when no probe came meanwhile', async () => {
    isCatalogUp = false;
    events.deliver({ kind: 'lost' });
    nowMs += GRACE_MS;
    expect(await status()).toBe('down');
  });

  it('starts a new outage after the change feed was restored', async () => {
    events.deliver({ kind: 'lost' });
    nowMs += HOUR_MS;
    events.deliver({ kind: 'restored', since: { history: 'a', sequence: 1 } });
    isCatalogUp = false;
    expect(await status()).toBe('degraded');
  });
});

describe('readiness probes', () => {
  it('share one query of the catalog per second', async () => {
    await Promise.all([status(), status()]);
    nowMs += SHARED_MS - 1;
    await status();
    expect(queries).toBe(1);
    nowMs += 1;
    await status();
    expect(queries).toBe(2);
  });
});
