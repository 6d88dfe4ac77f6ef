import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { AppModule } from '../../dist/app/app.module.js';
import { Application } from '../../dist/server/application.js';
import { loadConfig } from '../../dist/platform/config/load-config.js';
import { CATALOG } from '../../dist/catalog/catalog-data-source.js';
import { ApiKeys } from '../../dist/admin/api-keys/api-keys.js';
import { TenantProvisioner } from '../../dist/admin/tenants/tenant-provisioner.js';
import { EmbeddedPostgres } from '../../dist/dev/embedded-postgres/embedded-postgres.js';

/** Statements on the catalog, without the change feed's heartbeat, which belongs to no request. */
const STATEMENTS = `
  SELECT coalesce(sum(calls), 0)::int AS count FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND userid = 'tenantry'::regrole AND query <> 'SELECT'`;

/** The whole application over its own PostgreSQL, which counts statements, with tenants and their keys. */
export class CatalogApp {
  #stop = [];

  /** @param tenantCount number of tenants to create, in shared tables */
  static async start(redisPort, tenantCount) {
    const app = new CatalogApp();
    try {
      await app.#start(redisPort, tenantCount);
      return app;
    } catch (error) {
      await app.stop();
      throw error;
    }
  }

  get(token) {
    return this.application.nest.get(token);
  }

  /** Sends one request as a tenant, through everything except the socket. */
  async request(tenant) {
    const headers = { authorization: `Bearer ${this.apiKeys[tenant]}` };
    const { statusCode } = await this.server.inject({ url: '/api/v1/tenant', headers });
    if (statusCode !== 200) throw new Error(`request failed with status ${statusCode}`);
  }

  async countStatements(work) {
    await this.counter.query('SELECT pg_stat_statements_reset()');
    await work();
    const { rows } = await this.counter.query(STATEMENTS);
    return rows[0].count;
  }

  /** Stops everything that was started, last first. */
  async stop() {
    for (const stop of this.#stop.reverse()) await stop();
  }

  async #start(redisPort, tenantCount) {
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
    this.#stop.push(() => rm(dataDir, { recursive: true }));
    await chmod(dataDir, 0o755); // as root, PostgreSQL runs as another user
    const postgres = await startPostgres(dataDir);
    this.#stop.push(() => postgres.stop());
    this.counter = new pg.Client({ connectionString: postgres.superuserUrl });
    await this.counter.connect();
    this.#stop.push(() => this.counter.end());
    await this.counter.query('CREATE EXTENSION pg_stat_statements');
    this.application = await Application.start(
      loadConfig({ env: environment(postgres.url, redisPort, dataDir), cwd: dataDir }),
      AppModule,
    );
    this.#stop.push(() => this.application.stop());
    this.server = this.application.nest.getHttpAdapter().getInstance();
    this.apiKeys = [];
    for (let n = 0; n < tenantCount; n++) this.apiKeys.push(await this.#addTenant(`tenant-${n}`));
    const { rows } = await this.counter.query('SHOW server_version');
    this.postgresVersion = rows[0].server_version;
  }

  async #addTenant(slug) {
    await this.get(TenantProvisioner).provision({ slug, isolation: 'row' });
    const issue = (catalog) => this.get(ApiKeys).issue(catalog, slug, { name: 'bench' }, { name: 'bench' });
    return (await this.get(CATALOG).transaction(issue)).token;
  }
}

function startPostgres(dataDir) {
  const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
  return EmbeddedPostgres.start({
    dataDir,
    passwords,
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });
}

function environment(url, redisPort, dataDir) {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: url,
    DATA_DIR: dataDir,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redisPort),
    ADMIN_API_KEY: randomBytes(24).toString('base64url'),
    ENCRYPTION_KEYS: `bench:${randomBytes(32).toString('base64')}`,
  };
}
