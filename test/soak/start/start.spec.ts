import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything, type Json } from '../../support/test-app.js';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** `node dist/main.js` as an operator runs it. */
class Service {
  output = '';
  private constructor(readonly process: ChildProcess) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => void (this.output += chunk.toString()));
    }
  }

  static start(dataDir: string, env: Record<string, string> = {}): Service {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [MAIN], {
      cwd: dataDir,
      // Never a Redis that happens to run here.
      env: { PATH, HOME, DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: '0', ENABLE_REDIS_CACHE: 'false', ...env },
    });
    child.setMaxListeners(0); // each wait for it adds its own
    const service = new Service(child);
    running.add(service);
    return service;
  }

  async ready(): Promise<string> {
    for (;;) {
      const url = /Listening on (http:\S+)/.exec(this.output)?.[1];
      if (url !== undefined && this.output.includes('demo.json')) return url;
      if (this.process.exitCode !== null) throw new Error(`it ended:\n${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), once(this.process, 'exit')]);
    }
  }

  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'close');
    running.delete(this);
    return this.process.exitCode;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    return this.ended();
  }

  /** The line that explains why it did not start. */
  get startError(): string {
    return this.output
      .split('\n')
      .filter((line) => line.startsWith('tenantry:'))
      .join('\n');
  }
}

const running = new Set<Service>();
const folders: string[] = [];

afterEach(async () => {
  for (const service of running) await service.stop('SIGKILL');
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-start-'));
  await chmod(folder, 0o755); // as root, PostgreSQL's account must be able to enter
  folders.push(folder);
  return folder;
}

async function demoOf(dataDir: string): Promise<Json> {
  return JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
}

async function get(url: string, path: string, apiKey: string): Promise<Json> {
  return (await fetch(url + path, { headers: { authorization: `Bearer ${apiKey}` } })).json();
}

describe('a start without any configuration', () => {
  it('serves the demo tenants, keeps their data over a restart, rejects a second instance on its data, and stops cleanly', async () => {
    const dataDir = await newDataDir();
    const first = Service.start(dataDir);
    const url = await first.ready();

    const demo = await demoOf(dataDir);
    expect((await stat(join(dataDir, 'demo.json'))).mode & 0o777).toBe(0o600);
    expect(demo).toEqual({
      url,
      admin: { apiKey: expect.any(String) },
      tenants: [
        { slug: 'acme', isolation: 'row', apiKey: expect.any(String) },
        { slug: 'umbrella', isolation: 'row', apiKey: expect.any(String) },
        { slug: 'globex', isolation: 'schema', apiKey: expect.any(String) },
        { slug: 'initech', isolation: 'database', apiKey: expect.any(String) },
      ],
    });
    const before = await Promise.all(demo.tenants.map((t: Json) => get(url, '/api/v1/orders?limit=100', t.apiKey)));
    expect(before.map(({ items }) => items.length > 0)).toEqual([true, true, true, true]);
    expect(first.output).toContain(`curl -H 'Authorization: Bearer ${demo.tenants[0].apiKey}' '${url}/api/v1/orders`);

    const copy = Service.start(dataDir);
    expect(await copy.ended()).toBe(1);
    expect(copy.startError).toMatch(/^tenantry: .*another instance.*$/);
    expect((await get(url, '/api/v1/tenant', demo.tenants[3].apiKey)).slug).toBe('initech');

    first.process.kill('SIGINT'); // as under npm, which forwards the signal that the terminal has already sent
    expect(await first.stop('SIGINT')).toBe(0);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();

    const second = Service.start(dataDir);
    const secondUrl = await second.ready();
    const again = await demoOf(dataDir);
    expect(again.tenants).toEqual(demo.tenants);
    const after = await Promise.all(
      again.tenants.map((t: Json) => get(secondUrl, '/api/v1/orders?limit=100', t.apiKey)),
    );
    expect(after).toEqual(before);
    expect(await second.stop('SIGTERM')).toBe(0);
  });
});

describe('a start that fails', () => {
  it('reports a port that is in use, and stops what it had started', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const database = await createTestDatabase('start');
    const service = Service.start(await newDataDir(), { PORT: String(port), DATABASE_URL: database.url });
    expect(await service.ended()).toBe(1);
    expect(service.startError).toBe(
      `tenantry: cannot listen on 127.0.0.1, port ${port}: the port is in use; set PORT or HOST to another value`,
    );
    taken.close();
    await dropEverything(database);
  });

  it('reports an unreachable database without its password', async () => {
    const service = Service.start(await newDataDir(), { DATABASE_URL: 'postgres://who:hunter2@127.0.0.1:1/tenantry' });
    expect(await service.ended()).toBe(1);
    expect(service.startError).toMatch(/^tenantry: the catalog at who@127\.0\.0\.1:1\/tenantry cannot be reached: .+$/);
    expect(service.output).not.toContain('hunter2');
  });

  it('lists every invalid variable by name, without values', async () => {
    const service = Service.start(await newDataDir(), { PORT: 'http', DB_POOL_SIZE: '0', ADMIN_API_KEY: 'hunter2' });
    expect(await service.ended()).toBe(1);
    for (const name of ['PORT', 'DB_POOL_SIZE', 'ADMIN_API_KEY']) expect(service.output).toContain(name);
    expect(service.output).not.toContain('hunter2');
  });

  it('reports a missing database in production', async () => {
    const service = Service.start(await newDataDir(), { NODE_ENV: 'production' });
    expect(await service.ended()).toBe(1);
    expect(service.startError + service.output).toContain('DATABASE_URL');
  });

  it('reports a data folder of another PostgreSQL version, and does not change it', async () => {
    const dataDir = await newDataDir();
    const first = Service.start(dataDir, { ENABLE_DEMO_TENANTS: 'false' });
    while (!first.output.includes('Listening on')) await once(first.process.stdout as NodeJS.ReadableStream, 'data');
    await first.stop();
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '14\n');
    const service = Service.start(dataDir);
    expect(await service.ended()).toBe(1);
    expect(service.startError).toMatch(/^tenantry: .*PostgreSQL 14.*$/);
    expect(await readFile(join(dataDir, 'postgres', 'PG_VERSION'), 'utf8')).toBe('14\n');
  });
});

describe("a start on the user's own PostgreSQL", () => {
  it('creates the catalog there, and leaves no connection open at the end', async () => {
    const database = await createTestDatabase('own');
    const service = Service.start(await newDataDir(), { DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true' });
    const url = await service.ready();
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await database.admin('SELECT slug FROM tenants ORDER BY slug')).toEqual(
      ['acme', 'globex', 'initech', 'umbrella'].map((slug) => ({ slug })),
    );
    expect(await service.stop()).toBe(0);
    const client = new pg.Client(database.url);
    await client.connect();
    const { rows } = await client.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname LIKE current_database() || '%' AND pid <> pg_backend_pid()`,
    );
    await client.end();
    expect(rows).toEqual([{ count: 0 }]);
    await dropEverything(database);
  });
});
