import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { soon } from '../../support/load/soon.js';
import { percentile } from '../../support/load/paced-load.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

const LONGEST_MS = 25 * 60_000;
const MAX_CONNECTIONS = 60;
/** Of all instances: less the three that PostgreSQL reserves, and a tenth. */
const LIMIT = Math.floor((MAX_CONNECTIONS - 3) * 0.9);
const TENANTS = { row: 120, schema: 40, database: 40 } as const;
const SAMPLE_MS = 200;
const CALLERS = 12;
const PAUSE_MS = 20;
/** `SOAK_MINUTES=10` is the long run. */
const PHASE_MS = (Number(process.env['SOAK_MINUTES'] ?? 3) * 60_000) / 6;
const FROZEN_MS = 60_000;
const AWAY_MS = 60_000;
/** A tenant's request may wait for a connection that another instance gives back first. */
const STARVED_MS = 30_000;

let postgres: PrivatePostgres;
let services: Service[] = [];
let sampler: Sampler;
const keys: { readonly slug: string; readonly key: string }[] = [];
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  postgres = await PrivatePostgres.start({ max_connections: String(MAX_CONNECTIONS) });
  services = [await start()];
  const tenants = Object.entries(TENANTS).flatMap(([isolation, count]) =>
    Array.from({ length: count }, (_, n) => ({ slug: `${isolation}-${n}`, isolation })),
  );
  await operate('/tenants/bulk', { tenants });
  await soon(async () => {
    const active = await catalog<{ count: number }>(`SELECT count(*)::int FROM tenants WHERE status = 'active'`);
    expect(active).toEqual([{ count: tenants.length }]);
  }, 240_000);
  for (const { slug } of tenants) keys.push({ slug, key: (await operate(`/tenants/${slug}/api-keys`, {})).token });
  services.push(await start(), await start());
  sampler = await Sampler.start();
}, 400_000);

afterAll(async () => {
  await sampler.stop();
  agent.destroy();
  for (const service of Service.running) await service.kill();
  await postgres.stop();
});

function start(): Promise<Service> {
  return Service.start({ DATABASE_URL: postgres.url, LOG_LEVEL: 'info', DB_SERVER_MAX_CONNECTIONS: '40' });
}

function catalog<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
  return postgres.admin<Row>(text, values);
}

async function operate(path: string, body: object): Promise<Json> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(`${services[0]!.url}/admin/v1${path}`, {
    ...{ method: 'POST', headers, body: JSON.stringify(body) },
  });
  expect([answer.status, path]).toEqual([answer.ok ? answer.status : 202, path]);
  return answer.json();
}

/** Connections to the whole server every 200 ms, as a superuser sees them on a connection that PostgreSQL reserves. */
class Sampler {
  most = 0;
  samples = 0;
  readonly exceeded: string[] = [];
  private goesOn = true;
  private readonly sampling: Promise<void>;

  private constructor(private readonly client: pg.Client) {
    this.sampling = this.sample();
  }

  static async start(): Promise<Sampler> {
    const url = new URL(postgres.superuserUrl);
    url.pathname = '/postgres';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    return new Sampler(client);
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await this.sampling;
    await this.client.end();
  }

  /** Of an instance: by the end of their names. */
  async openOf(instanceId: string): Promise<number> {
    const { rows } = await this.client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE $1`,
      [`tenantry %@${instanceId}`],
    );
    return rows[0]!.n;
  }

  private async sample(): Promise<void> {
    while (this.goesOn) {
      const { rows } = await this.client.query<{ name: string; n: number }>(
        `SELECT right(application_name, 9) AS name, count(*)::int AS n FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND application_name LIKE 'tenantry%' GROUP BY 1`,
      );
      const all = rows.reduce((sum, { n }) => sum + n, 0);
      this.samples += 1;
      this.most = Math.max(this.most, all);
      if (all > LIMIT) this.exceeded.push(JSON.stringify(rows));
      await delay(SAMPLE_MS);
    }
  }
}

/** Callers of all tenants, at the instances that run and respond. */
class Load {
  /** What failed, by phase. */
  readonly faults = new Map<string, number>();
  phase = 'three instances';
  readonly times: number[] = [];
  readonly lastServed = new Map<string, number>();
  longestGap = 0;
  /** Instances that get no requests. */
  readonly away = new Set<Service>();
  private goesOn = true;
  private readonly callers = Array.from({ length: CALLERS }, (_, n) => this.call(n));

  async stop(): Promise<void> {
    this.goesOn = false;
    await Promise.all(this.callers);
  }

  private count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  private async call(caller: number): Promise<void> {
    for (let turn = caller; this.goesOn; turn += CALLERS) {
      const { slug, key } = keys[turn % keys.length]!;
      const usable = services.filter((service) => !this.away.has(service));
      const service = usable[turn % usable.length]!;
      const startedAt = performance.now();
      const fault = await ask(service, key).catch((error: unknown) => String(error));
      const now = performance.now();
      if (fault !== undefined && !this.away.has(service))
        this.count(`${this.phase}: ${slug.replace(/\d+/, 'n')}: ${fault}`);
      if (fault === undefined) {
        this.times.push(now - startedAt);
        this.longestGap = Math.max(this.longestGap, now - (this.lastServed.get(slug) ?? now));
        this.lastServed.set(slug, now);
      }
      await delay(PAUSE_MS);
    }
  }
}

async function ask(service: Service, key: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const call = request(`${service.url}/api/v1/customers?limit=1`, { agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve(response.statusCode === 200 ? undefined : `${response.statusCode} ${text}`));
      response.once('error', reject);
    });
    call.once('error', reject).end();
  });
}

async function instances(): Promise<{ id: string; pid: number; share: number }[]> {
  return catalog(
    `SELECT i.id, i.pid, c.share FROM instances i JOIN connection_shares c ON c.instance_id = i.id ORDER BY i.started_at`,
  );
}

async function idOf(service: Service): Promise<string> {
  return (await instances()).find(({ pid }) => pid === service.process.pid)!.id;
}

async function report(load: Load, phase: string, next = ''): Promise<void> {
  load.phase = next;
  const shares = (await instances()).map(({ share }) => share);
  const { most, samples, exceeded } = sampler;
  process.stderr.write(
    `${phase}: shares ${shares.join(' + ')} of ${LIMIT}; at most ${most} connections in ${samples} samples, ${exceeded.length} above\n`,
  );
}

it(
  'three instances keep to one limit while they are killed, frozen, replaced, and without the catalog',
  async () => {
    const load = new Load();
    await delay(PHASE_MS);
    await report(load, 'three instances', 'killed');

    const [first, second] = services as [Service, Service, Service];
    const killedId = await idOf(first);
    load.away.add(first);
    services = services.filter((service) => service !== first);
    await first.kill();
    const killedAt = performance.now();
    await soon(async () => expect((await instances()).map(({ id }) => id)).not.toContain(killedId), 60_000);
    const backAfter = performance.now() - killedAt;
    await report(load, `killed, its share back after ${Math.round(backAfter)} ms`, 'a new instance');
    services.push(await start());
    await delay(PHASE_MS);
    await report(load, 'a new instance', 'frozen');

    const frozenId = await idOf(second);
    load.away.add(second);
    await delay(1_000); // its last requests
    second.signal('SIGSTOP');
    await delay(FROZEN_MS);
    await report(load, `frozen: it holds ${await sampler.openOf(frozenId)}`, 'woken');
    second.signal('SIGCONT');
    load.away.delete(second);
    await delay(PHASE_MS);
    await report(load, 'woken', 'rolling deployment');

    for (const former of [...services]) {
      const successor = await start(); // surge: one more than usual
      services = services.map((service) => (service === former ? successor : service));
      load.away.add(former);
      await delay(500);
      await former.stop();
      await delay(PHASE_MS / 3);
    }
    await report(load, 'rolling deployment', 'without the catalog');

    // Whom an instance has not seen before, it cannot know without the catalog.
    for (const service of services) for (const { key } of keys) expect(await ask(service, key)).toBeUndefined();
    const database = new URL(postgres.url).pathname.slice(1);
    await postgres.inDatabase('postgres', `ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`);
    await postgres.inDatabase(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
    );
    await delay(AWAY_MS);
    await postgres.inDatabase('postgres', `ALTER DATABASE "${database}" ALLOW_CONNECTIONS true`);
    await delay(PHASE_MS / 2);
    await report(load, 'after a minute without the catalog');

    await load.stop();
    const { faults, times, longestGap } = load;
    process.stderr.write(
      `${times.length} requests served, p50 ${Math.round(percentile(times, 0.5))} ms, p99 ${Math.round(percentile(times, 0.99))} ms, ` +
        `longest ${Math.round(percentile(times, 1))} ms; a tenant waited at most ${Math.round(longestGap)} ms for its next answer\n`,
    );
    expect(sampler.exceeded).toEqual([]);
    expect([...faults]).toEqual([]);
    expect(load.lastServed.size).toBe(keys.length);
    expect(longestGap).toBeLessThan(STARVED_MS);
    expect(backAfter).toBeLessThan(15_000);
  },
  LONGEST_MS,
);
