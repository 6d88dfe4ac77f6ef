import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Attack } from '../../support/http/attack.js';
import { HostileRequests } from '../../support/http/hostile-requests.js';
import { Service } from '../../support/processes/service.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

const NEIGHBOUR = fileURLToPath(new URL('neighbour.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('start-with-gc.mjs', import.meta.url));
const REQUESTS = Number(process.env['DOOR_REQUESTS'] ?? 100_000);
/** Of an attack, about two seconds, and of the quiet after it. */
const REQUESTS_PER_WINDOW = 300;
const QUIET_MS = 500;
/** Each is as expensive as its caller can make it: the fifth that are 1 MiB cost 10 to 20 ms of CPU. */
const LOAD = { concurrency: 10, perSecond: 150 };
const ENCRYPTION_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;
const SEED = Number(process.env['DOOR_SEED'] ?? Math.floor(Date.now() / 86_400_000));

type Call = readonly [atMs: number, durationMs: number, status: number];

let app: TestApp;
let service: Service;
let attacker: TestTenant;
let neighbour: TestTenant;

beforeAll(async () => {
  app = await TestApp.start({ ENCRYPTION_KEYS });
  attacker = await app.provision('acme', 'row');
  neighbour = await app.provision('umbrella', 'schema');
  await app.database.admin(`INSERT INTO tenant_domains (domain, tenant_id) VALUES ('shop.umbrella.example', $1)`, [
    neighbour.id,
  ]);
  service = await Service.start(
    { DATABASE_URL: app.database.url, ENCRYPTION_KEYS, REQUEST_TIMEOUT: '2', LOG_LEVEL: 'info' },
    undefined,
    MAIN,
  );
});

afterAll(async () => {
  await service.stop();
  await app.dispose();
});

let collections = 0;

/** Bytes in use after a garbage collection, once what was being closed is closed. */
async function heapBytes(): Promise<number> {
  await delay(3_000); // connections linger, and the deadline of bodies passes
  collections += 1;
  service.signal('SIGUSR2');
  await service.said(new RegExp(`heap ${collections}: \\d+ bytes`));
  return Number(new RegExp(`heap ${collections}: (\\d+) bytes`).exec(service.output)?.[1]);
}

it(`${REQUESTS} hostile requests are refused with clear 4xx while a neighbour is served as before (DOOR_SEED=${SEED})`, async () => {
  const attack = new Attack(service.url, new HostileRequests(SEED, attacker.apiKey));
  await attack.send(2_000, LOAD); // compiled, and caches filled, from here on
  const heapBefore = await heapBytes();

  const child = spawn(process.execPath, [NEIGHBOUR, `${service.url}/api/v1/customers?limit=1`, neighbour.apiKey]);
  const output = text(child.stdout);
  const windows: { fromMs: number; toMs: number }[] = [];
  const epochMs = (): number => performance.timeOrigin + performance.now();
  for (let sent = 2_000; sent < REQUESTS; sent += REQUESTS_PER_WINDOW) {
    const fromMs = epochMs();
    await attack.send(Math.min(REQUESTS_PER_WINDOW, REQUESTS - sent), LOAD);
    windows.push({ fromMs, toMs: epochMs() });
    await delay(QUIET_MS);
  }
  child.stdin.end();
  await attack.ended();
  const calls = JSON.parse(await output) as Call[];
  const heapAfter = await heapBytes();

  const isUnderAttack = ([atMs]: Call): boolean => windows.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  const during = p50(calls.filter(isUnderAttack));
  const without = p50(calls.filter((call) => !isUnderAttack(call)));
  console.log(
    [...attack.outcomes]
      .toSorted()
      .map(([label, count]) => `${label}: ${count}`)
      .join('\n'),
    `\nneighbour p50 ${without.toFixed(2)} ms, during the attack ${during.toFixed(2)} ms, ratio ${(during / without).toFixed(2)}`,
    `\nheap ${(heapBefore / 2 ** 20).toFixed(1)} MiB before, ${(heapAfter / 2 ** 20).toFixed(1)} MiB after`,
  );
  expect(attack.faults.slice(0, 20)).toEqual([]);
  expect(service.output).not.toMatch(/failed with 500/);
  expect(new Set(calls.map(([, , status]) => status))).toEqual(new Set([200]));
  expect(heapAfter / heapBefore).toBeLessThan(1.3);
  expect(during / without).toBeLessThan(1.5);
}, 1_200_000);

function p50(calls: readonly Call[]): number {
  const durations = calls.map(([, durationMs]) => durationMs).toSorted((a, b) => a - b);
  return durations[Math.floor(durations.length / 2)] ?? Number.NaN;
}
