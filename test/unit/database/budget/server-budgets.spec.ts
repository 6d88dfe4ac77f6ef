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
  expect(budgets.resize(pooled)).toBe(catalog);
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
  budgets.resize({ ...SERVER, maxConnections: 30 });
  expect(budgets.of(SERVER).limit).toBe(30 - 1);
});

it("a worker has its share of the instance's limit, of the server's own too", () => {
  const shareOf = (number: number): number[] => {
    const budgets = new ServerBudgets({ ...CONFIG, worker: { number, count: 3, isFirst: false } });
    const byDefault = budgets.of(SERVER).limit;
    return [byDefault, budgets.resize({ ...SERVER, maxConnections: 31 }).limit];
  };
  expect([1, 2, 3].map(shareOf)).toEqual([
    [7, 11],
    [7, 10],
    [6, 10],
  ]);
});
