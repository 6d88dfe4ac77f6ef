import { expect, it } from '@jest/globals';
import { AdminConnections } from '../../../../src/database/admin-connections/admin-connections.js';
import { ServerBudgets } from '../../../../src/database/budget/server-budgets.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

const LIMIT = 20;
const CONFIG = { pool: { ...POOL_OPTIONS, serverMaxConnections: LIMIT } } as unknown as AppConfig;
const SERVER = { id: 'other', host: '127.0.0.1', port: 5432, tls: 'disable' } as const;

it('a server without a catalog keeps one admin connection free, and nothing else', () => {
  const budgets = new ServerBudgets(CONFIG);
  void new AdminConnections(CONFIG, undefined, budgets);
  budgets.of({ ...SERVER, id: 'default' }).reserve({ kept: 8, max: 8 });
  expect(budgets.of({ ...SERVER, id: 'default' }).limit).toBe(LIMIT - 8 - 1);
  expect(budgets.of(SERVER).limit).toBe(LIMIT - 1);
  budgets.resize({ ...SERVER, maxConnections: 30 });
  expect(budgets.of(SERVER).limit).toBe(30 - 1);
});
