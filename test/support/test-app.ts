import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { DataSource, EntityManager } from 'typeorm';
import { AppModule } from '../../src/app/app.module.js';
import { Application } from '../../src/server/application.js';
import type { RootModule } from '../../src/server/server.module.js';
import { CATALOG } from '../../src/catalog/catalog-data-source.js';
import type { Isolation, Tenant } from '../../src/catalog/model/tenant.js';
import { loadConfig } from '../../src/platform/config/load-config.js';
import { ApiKeys } from '../../src/admin/api-keys/api-keys.js';
import { TENANTRY_ACTOR } from '../../src/catalog/audit/actor.js';
import { TenantProvisioner } from '../../src/admin/tenants/tenant-provisioner.js';
import { createLog } from '../../src/logging/log.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from './postgres/postgres.js';

export const ADMIN_KEY = 'test-admin-key-of-enough-characters';

/** A tenant of a test, with an API key. */
export interface TestTenant extends Tenant {
  readonly apiKey: string;
}

/** Any JSON response; tests assert on its fields. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Call {
  readonly method?: string;
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: object | string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, when it is JSON. */
  readonly body: Json;
}

/** The whole application over a catalog of its own, listening on a free port of 127.0.0.1. */
export class TestApp {
  private constructor(
    readonly application: Application,
    readonly database: TestDatabase,
    private readonly dataDir: string,
    /** Its settings, for commands of the same installation. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<TestApp> {
    const database = await createTestDatabase('catalog');
    return TestApp.over(database, env);
  }

  /** One more instance over the same catalog, when given another app's database. */
  static async over(
    database: TestDatabase,
    env: Record<string, string> = {},
    output?: Writable,
    root: RootModule = AppModule,
  ): Promise<TestApp> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-app-'));
    const settings = { ...baseEnvironment(database.url, dataDir), ...env };
    const loaded = loadConfig({ env: settings, cwd: dataDir });
    const application = await Application.start(loaded, root, output && { log: createLog(loaded.config, output) });
    return new TestApp(application, database, dataDir, settings);
  }

  get url(): string {
    return this.application.url;
  }

  async provision(slug: string, isolation: Isolation): Promise<TestTenant> {
    const tenant = await this.application.nest.get(TenantProvisioner).provision({ slug, isolation });
    return { ...tenant, apiKey: await this.issueKey(tenant) };
  }

  async issueKey(tenant: Tenant): Promise<string> {
    const { nest } = this.application;
    const issue = (catalog: EntityManager) =>
      nest.get(ApiKeys).issue(catalog, tenant.id, { name: 'test' }, TENANTRY_ACTOR);
    return (await nest.get<DataSource>(CATALOG).transaction(issue)).token;
  }

  async call(path: string, { method = 'GET', apiKey, headers = {}, body }: Call = {}): Promise<Answer> {
    // Not fetch: it would not let a test choose the Host header.
    const call = request(this.url + path, {
      method,
      headers: {
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    call.end(typeof body === 'object' ? JSON.stringify(body) : body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const content = await text(response);
    return {
      status: response.statusCode ?? 0,
      headers: new Headers(response.headers as Record<string, string>),
      text: content,
      body: parse(content),
    };
  }

  /** Stops this instance only. */
  async stop(): Promise<void> {
    await this.application.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Stops it, and drops its catalog and every database and role in it. */
  async dispose(): Promise<void> {
    await this.stop();
    await dropEverything(this.database);
  }
}

export async function dropEverything(database: TestDatabase): Promise<void> {
  const [catalog] = await database.admin<{ exists: boolean }>(
    `SELECT to_regclass('connection_targets') IS NOT NULL AS exists`,
  );
  const targets = catalog?.exists
    ? await database.admin<{ name: string; role: string }>(
        'SELECT DISTINCT database AS name, role FROM connection_targets',
      )
    : [];
  await database.drop();
  for (const { name, role } of targets) {
    await asSuperuser('postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    await asSuperuser('postgres', `DROP ROLE IF EXISTS "${role}"`);
  }
}

/** The settings of an installation over this catalog. */
export function baseEnvironment(url: string, dataDir: string): Record<string, string> {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    LOG_FORMAT: 'json', // the readable one adds listeners to stdout, and many applications run in one process here
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: url,
    DATA_DIR: dataDir,
    ADMIN_API_KEY: ADMIN_KEY,
    ENCRYPTION_KEYS: `test:${randomKey}`,
    SHUTDOWN_TIMEOUT: '10',
    ENABLE_REDIS_CACHE: 'false', // never one that happens to run here; tests with Redis start one
  };
}

// One for the whole file: a second instance over the same catalog must decrypt what the first one encrypted.
const randomKey = randomBytes(32).toString('base64');

function parse(content: string): Json {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
