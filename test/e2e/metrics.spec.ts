import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { load } from 'js-yaml';
import { SelectQueryBuilder } from 'typeorm';
import { ADMIN_KEY, TestApp, type TestTenant } from '../support/test-app.js';
import { soon } from '../support/load/soon.js';
import { startRedis } from '../support/redis/redis-server.mjs';
import { Exposition } from '../support/metrics/exposition.js';
import { readQuery } from '../support/metrics/promql.js';

const SCRAPES = 20;
const ORDERS = '/api/v1/orders';
const NO_ORDER = `${ORDERS}/0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11`;

let app: TestApp;
let acme: TestTenant;
let globex: TestTenant;
let backups: string;
let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
  backups = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({
    ...{ ENABLE_REDIS_CACHE: 'true', REDIS_PORT: String(redis.port), REDIS_HOST: '127.0.0.1' },
    ...{ BACKUP_URL: pathToFileURL(backups).href, BACKUP_EVERY: '0 0 1 1 *' },
  });
  acme = await app.provision('acme', 'row');
  globex = await app.provision('globex', 'database');
  for (const [at, status] of ['failed', 'succeeded', 'failed', 'cancelled'].entries()) {
    await app.database.admin(
      `INSERT INTO operations (id, kind, tenant_id, subject, input, steps, created_by, status, created_at, finished_at)
       VALUES (gen_random_uuid(), 'drill', $1, 'acme', '{}', '{}', 'test', $2, now() + make_interval(secs => $3), now())`,
      [acme.id, status, at],
    );
  }
});

afterAll(async () => {
  await app.dispose();
  await redis.stop();
  rmSync(backups, { recursive: true });
});

async function scrape(): Promise<Exposition> {
  const { status, text } = await app.call('/metrics', { apiKey: ADMIN_KEY });
  expect([status, text]).toEqual([200, expect.any(String)]);
  return new Exposition(text);
}

/** Asserts on a page that includes the calls before it: a request is counted a moment after its response was read. */
function soonShown(assertion: (page: Exposition) => void): Promise<void> {
  return soon(async () => assertion(await scrape()));
}

describe('/metrics', () => {
  it('is for the admin key, and rejects other callers with problem details', async () => {
    const keys = [undefined, 'unknown-key', acme.apiKey];
    const answers = await Promise.all(keys.map((apiKey) => app.call('/metrics', { apiKey })));
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [401, 'UNAUTHENTICATED'],
      [401, 'UNAUTHENTICATED'],
      [403, 'FORBIDDEN'],
    ]);
    const page = await app.call('/metrics', { apiKey: ADMIN_KEY });
    expect(page.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await app.call('/docs-json')).body.paths['/metrics']).toBeUndefined();
  });

  it('is public with METRICS_PUBLIC=true, and every application of a process has its own metrics', async () => {
    const open = await TestApp.over(app.database, { METRICS_PUBLIC: 'true' });
    try {
      const answers = [await open.call('/metrics'), await open.call('/metrics', { apiKey: 'unknown-key' })];
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      const routes = new Exposition(answers[1]!.text).named('tenantry_http_requests_total');
      expect(routes).toEqual([
        expect.objectContaining({ labels: { method: 'GET', route: '/metrics', status: '200' }, value: 1 }),
      ]);
    } finally {
      await open.stop();
    }
  });

  it('takes hardly any query: scrapes share the counts of tenants', async () => {
    const counted = jest.spyOn(SelectQueryBuilder.prototype, 'getRawMany');
    try {
      for (let n = 0; n < SCRAPES; n += 1) await scrape();
      expect(counted.mock.calls.length).toBeLessThan(SCRAPES / 2);
    } finally {
      counted.mockRestore();
    }
  });
});

describe('the metrics of requests', () => {
  it('are counted by route pattern, method and status, and never by path', async () => {
    const count = (page: Exposition, labels: Record<string, string>): number =>
      page.count('tenantry_http_requests_total', labels);
    const before = await scrape();
    await app.call(NO_ORDER, { apiKey: acme.apiKey });
    await app.call(NO_ORDER);
    await app.call(`/t/acme${ORDERS}?limit=1`, { apiKey: acme.apiKey });
    await app.call('/made-up/1', { method: 'POST' });
    await app.call('/made-up/2', { method: 'POST' });
    await soonShown((page) => {
      const grown = (method: string, route: string, status: string): number =>
        count(page, { method, route, status }) - count(before, { method, route, status });
      expect([grown('GET', `${ORDERS}/:id`, '404'), grown('GET', `${ORDERS}/:id`, '401')]).toEqual([1, 1]);
      expect([grown('GET', ORDERS, '200'), grown('POST', 'unknown', '404')]).toEqual([1, 2]);
    });
    const page = await scrape();
    const text = JSON.stringify(page.series);
    for (const private_ of ['made-up', '0b5f6c1e', 'limit=1', '/t/acme']) expect(text).not.toContain(private_);
  });

  it('have a histogram of durations per route', async () => {
    const labels = { method: 'GET', route: '/api/v1/tenant' };
    for (let n = 0; n < 3; n += 1) await app.call('/api/v1/tenant', { apiKey: acme.apiKey });
    await soonShown((page) => {
      const name = 'tenantry_http_request_duration_seconds';
      expect(page.value(`${name}_count`, labels)).toBe(3);
      expect(page.value(`${name}_bucket`, { ...labels, le: '+Inf' })).toBe(3);
      expect(page.value(`${name}_sum`, labels)).toBeGreaterThan(0);
    });
  });

  it('are counted per tenant, with statements and waiting time', async () => {
    const read = (page: Exposition): number[] =>
      ['requests_total', 'statements_total', 'wait_seconds_total'].map((name) =>
        page.count(`tenantry_tenant_${name}`, { tenant: 'globex' }),
      );
    const [requests = 0, statements = 0, waited = 0] = read(await scrape());
    for (let n = 0; n < 5; n += 1) await app.call(`${ORDERS}/summary`, { apiKey: globex.apiKey });
    await soonShown((page) => {
      const [now = 0, then = 0, since = 0] = read(page);
      expect([now - requests, then - statements]).toEqual([5, 5]);
      expect(since).toBeGreaterThan(waited);
    });
  });
});

describe('the metrics page', () => {
  it('shows pools, servers, the cache, the catalog and tenants', async () => {
    const page = await scrape();
    expect(page.named('tenantry_pool_waiting').map(({ labels }) => labels['target'])).toEqual([
      expect.stringMatching(/_shared-[0-9a-f]{4}$/),
      expect.stringMatching(/_[0-9a-f]{32}-[0-9a-f]{4}$/),
      'other',
    ]);
    expect(page.value('tenantry_cache_hits_total', { tier: 'memory' })).toBeGreaterThan(0);
    expect(page.value('tenantry_cache_redis_connected')).toBe(1);
    expect(page.value('tenantry_cache_redis_breaker', { state: 'closed' })).toBe(1);
    expect(page.value('tenantry_tenants', { status: 'active' })).toBe(2);
    expect([page.value('tenantry_catalog_up'), page.value('tenantry_catalog_listening')]).toEqual([1, 1]);
    expect(page.value('tenantry_backup_overdue_tenants')).toBe(0); // both are younger than the schedule's last time
    expect(page.value('tenantry_backup_oldest_seconds')).toBeGreaterThan(0);
    expect(page.value('tenantry_backup_failed_drills')).toBe(1);
    expect(page.value('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  });

  it('shows no secret, host or role', async () => {
    const { text } = await app.call('/metrics', { apiKey: ADMIN_KEY });
    const { username, password, host } = new URL(app.database.url);
    for (const secret of [password, host, `${username}@`, acme.apiKey, ADMIN_KEY]) expect(text).not.toContain(secret);
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe('the dashboard and the alerts', () => {
  const fileAt = (path: string): string => readFileSync(new URL(`../../ops/${path}`, import.meta.url), 'utf8');
  const { groups } = load(fileAt('prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] };
  const dashboard = JSON.parse(fileAt('grafana/tenantry.json')) as { panels: Panel[]; templating: unknown };
  const alerts = groups.flatMap(({ rules }) => rules).map(({ alert, expr }) => [alert, expr] as const);
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m')] as const),
  );

  /** Metrics and labels that Prometheus itself adds. */
  const ADDED_METRICS = new Set(['up']);
  const ADDED_LABELS = ['instance', 'job'];
  /** Of series that are there once a server has replicas (`integration/database/replicas`). */
  const REPLICA_LABELS: ReadonlySet<string> = new Set(['server', 'replica']);
  let page: Exposition;

  const labelsOf = (metric: string): ReadonlySet<string> | undefined => {
    const isOfReplicas = metric.startsWith('tenantry_replica_') && page.types.has(metric);
    return page.labelsOf(metric) ?? (isOfReplicas ? REPLICA_LABELS : undefined);
  };

  beforeAll(async () => {
    await app.call(NO_ORDER, { apiKey: acme.apiKey });
    await soonShown((shown) =>
      (page = shown).value('tenantry_http_request_duration_seconds_count', { route: `${ORDERS}/:id` }),
    );
  });

  it('both contain queries', () => {
    expect([alerts.length, queries.length]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(Math.min(alerts.length, queries.length)).toBeGreaterThan(10);
  });

  it.each([...alerts, ...queries])('use existing metrics and labels only: %s: %s', (_title, text) => {
    const { selectors, groupings } = readQuery(text);
    expect(selectors.length).toBeGreaterThan(0);
    const known = new Set(ADDED_LABELS);
    for (const { metric, labels } of selectors) {
      if (ADDED_METRICS.has(metric)) continue;
      const has = labelsOf(metric);
      expect([metric, has !== undefined]).toEqual([metric, true]);
      for (const label of labels) expect([...(has ?? []), ...ADDED_LABELS]).toContain(label);
      for (const label of has ?? []) known.add(label);
    }
    for (const label of groupings) expect([...known]).toContain(label);
  });

  it('cover every metric of this project', () => {
    const used = new Set(
      [...alerts, ...queries].flatMap(([, text]) => readQuery(text).selectors.map(({ metric }) => metric)),
    );
    const own = [...page.types.keys()].filter((name) => name.startsWith('tenantry_'));
    const unused = own.filter((name) => ![name, `${name}_bucket`].some((series) => used.has(series)));
    expect(unused).toEqual([]);
  });
});
