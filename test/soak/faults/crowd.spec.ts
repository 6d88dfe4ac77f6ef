import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { printFaultRow } from '../../support/load/fault-row.js';
import { startCrowd } from '../../support/load/crowd.js';
import { Service } from '../../support/processes/service.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

const CROWD = 1_500;
const NEIGHBOUR_MS = 6_000;
const READ = '/api/v1/customers?limit=1';

let app: TestApp;
let service: Service;
let crowded: TestTenant;
let neighbour: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  crowded = await app.provision('crowded', 'row');
  neighbour = await app.provision('neighbour', 'row');
  const { DATA_DIR: _, LOG_LEVEL: __, ...env } = app.env;
  service = await Service.start({ ...env, LOG_LEVEL: 'info' });
});

afterAll(async () => {
  await service.stop();
  await app.dispose();
});

/** @returns how long the neighbour's requests took, in ms, shortest first */
async function durations(): Promise<number[]> {
  const all: number[] = [];
  const endsAt = performance.now() + NEIGHBOUR_MS;
  const caller = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const startedAt = performance.now();
      const response = await fetch(service.url + READ, { headers: { authorization: `Bearer ${neighbour.apiKey}` } });
      expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
      all.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: 4 }, caller));
  return all.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)]!;

it('1,500 clients of one tenant hardly delay those of another one', async () => {
  await durations(); // the reads become quick
  const alone = p99(await durations());
  const crowd = await startCrowd(service.url + READ, crowded.apiKey, CROWD);
  const beside = p99(await durations());
  const answers = await crowd.stop();
  printFaultRow({
    fault: `${CROWD.toLocaleString('en')} clients of one tenant`,
    callers: `that tenant: ${answers}; another one's p99 ${Math.round(beside)} ms instead of ${Math.round(alone)} ms`,
    probes: '`/health/ready` 200',
    operators: '`tenantry_pool_refused_total`',
    lasts: 'as long as the crowd',
  });
  expect(beside / alone).toBeLessThan(8);
}, 120_000);
