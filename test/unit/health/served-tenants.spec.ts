import { beforeEach, describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { ServedTenants } from '../../../src/health/served-tenants.js';
import { TenantTablesIndicator } from '../../../src/health/tenant-tables.indicator.js';
import '../../support/silent-logs.js';

let nowMs: number;
let queries: number;
let differences: string[];
let answer: () => Promise<unknown>;
let indicator: TenantTablesIndicator;

beforeEach(() => {
  [nowMs, queries, differences] = [0, 0, []];
  const query = async <T>(): Promise<T> => {
    queries += 1;
    return [await answer()] as T;
  };
  const entityTables = { differences: () => differences };
  const tenants = new ServedTenants({ query }, { entities: [], migrations: [] }, () => nowMs);
  indicator = new TenantTablesIndicator(tenants, entityTables, new HealthIndicatorService());
});

const counts = (active: number, behind: number) => () => Promise.resolve({ active, behind });
const status = async (): Promise<unknown> => (await indicator.check())['tenantTables']?.status;

describe('the readiness of an instance whose code is ahead of tables', () => {
  it.each([
    ['there are no tenants', 0, 0, 'up'],
    ['no tenant is behind', 30, 0, 'up'],
    ['some tenants are behind', 30, 1, 'degraded'],
    ['it serves one in ten', 10, 9, 'degraded'],
    ['it serves fewer, such as the one that it has provisioned itself', 11, 10, 'down'],
    ['all tenants are behind', 1, 1, 'down'],
  ])('when %s: of %i active tenants %i are behind, it is %s', async (_, active, behind, expected) => {
    answer = counts(active, behind);
    expect(await status()).toBe(expected);
  });

  it('is degraded while tables do not fit the entities', async () => {
    answer = counts(2, 0);
    differences = ['table notes is missing (entity Note)'];
    expect(await status()).toBe('degraded');
  });

  it('asks the catalog once for many probes, more often while tenants are behind', async () => {
    answer = counts(2, 0);
    await Promise.all([status(), status(), status()]);
    nowMs += 9_999;
    expect(await status()).toBe('up');
    expect(queries).toBe(1);
    nowMs += 1;
    answer = counts(2, 2);
    expect(await status()).toBe('down');
    nowMs += 2_000;
    answer = counts(2, 0);
    expect(await status()).toBe('up');
    expect(queries).toBe(3);
  });

  it('is what it was while the catalog does not answer', async () => {
    answer = () => Promise.reject(new Error('connect ECONNREFUSED'));
    expect(await status()).toBe('up');
    answer = counts(2, 2);
    expect(await status()).toBe('down');
    nowMs += 60_000;
    answer = () => Promise.reject(new Error('connect ECONNREFUSED'));
    expect(await status()).toBe('down');
  });
});
