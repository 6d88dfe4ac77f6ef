import { expect, it } from '@jest/globals';
import { AdminConnections } from '../../../../src/database/admin-connections/admin-connections.js';
import { ServerBudgets } from '../../../../src/database/budget/server-budgets.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

const LIMIT = 20;
const CONFIG = { pool: { ...POOL_OPTIONS, serverMaxConnections: LIMIT } } as unknown as AppConfig;
const SERVER = { id: 'other', host: '127.0.0.1', port: 5432, tls: 'disable' } as const;

it('servers with one direct address share a budget, and keep it when the address changes', () => {
  const budgets = new ServerBudgets(CONFIG);
  const catalog = budgets.of(SERVER);
  const around = { host: SERVER.host, port: SERVER.port, tls: SERVER.tls };
  const pooled = { ...SERVER, id: 'tenants', port: 6432, aroundPooler: around };
  expect(budgets.forPools(pooled)).toBe(catalog);
  expect(budgets.of({ ...SERVER, id: 'tenants', host: 'elsewhere' })).toBe(catalog);
  expect(budgets.of({ ...SERVER, id: 'another', port: 1234 })).not.toBe(catalog);
  expect([...budgets.entries()].map(([id]) => id)).toEqual(['tenants']);
});

it('a server without a catalog keeps one admin connection free, and nothing else', () => {
  const budgets = new ServerBudgets(CONFIG);
  void new AdminConnections(CONFIG, undefined, budgets);
  const catalog = { ...SERVER, id: 'default', port: 1234 };
  budgets.of(catalog).reserve({ kept: 8, max: 8 });
  expect(budgets.of(catalog).limit).toBe(LIMIT - 8 - 1);
  expect(budgets.of(SERVER).limit).toBe(LIMIT - 1);
});

it("a worker has its share of the instance's limit", () => {
  const shareOf = (number: number): number =>
    new ServerBudgets({ ...CONFIG, worker: { number, count: 3, isFirst: false } }).of(SERVER).limit;
  expect([1, 2, 3].map(shareOf)).toEqual([7, 7, 6]);
});

it('once connections are lent, a new budget begins with none, and says that it waits', () => {
  const budgets = new ServerBudgets(CONFIG);
  const known = budgets.of(SERVER);
  const waiting: unknown[] = [];
  budgets.lendFrom((budget) => waiting.push(budget));
  const created = budgets.of({ ...SERVER, id: 'new', port: 1234 });
  expect([known.limit, created.limit, created.tryAcquire()]).toEqual([LIMIT, 0, false]);
  const reserved = created.reserve({ kept: 1, max: 3 });
  reserved.want(3);
  expect([reserved.held, waiting.at(-1) === created]).toEqual([1, true]); // what is kept can always be used
  created.resize(2);
  expect([reserved.held, created.tryAcquire()]).toEqual([1, true]); // a pool has one connection
  created.resize(5);
  expect([reserved.held, created.secured, created.needed]).toEqual([3, 4, 4]);
});
