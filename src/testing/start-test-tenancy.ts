import type { INestApplication } from '@nestjs/common';
import { ControlPlaneSession } from '../cli/session/control-plane-session.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { CONFIG_SOURCES, type ConfigSources } from '../platform/config/load-config.js';
import { startApplication, type TestApplicationOptions } from './test-application.js';
import { createTestCatalog } from './test-catalog.js';
import { enterEnvironment, testEnvironment } from './test-environment.js';
import { useTestServer } from './test-server.js';
import { RunningTenancy } from './running-tenancy.js';
import type { NewTestTenant, TestTenancy } from './test-tenancy.js';

type TenantRequest = string | NewTestTenant;
type SlugOf<Request extends TenantRequest> = Request extends NewTestTenant<infer Slug> ? Slug : Request & string;

export type TestTenancyOptions<Request extends TenantRequest = TenantRequest> = TestApplicationOptions & {
  /** Tenants to create: slugs, or objects with an isolation. Default: none. */
  readonly tenants?: readonly Request[];
  /**
   * An existing PostgreSQL, as a role with CREATEDB and CREATEROLE; databases are created on its server, in addition to the one that it names.
   * Default: `TENANTRY_TEST_DATABASE_URL`, else an embedded PostgreSQL that all processes of a project share.
   */
  readonly databaseUrl?: string;
  /** More variables for the application. */
  readonly env?: Readonly<Record<string, string>>;
};

/**
 * Starts the application on a real PostgreSQL, with a catalog and tenants that only this call uses. Everything is as in
 * production: the pool, the login role, row-level security.
 *
 * @throws TestDatabaseNotUsedError, TestServerMissingError, the errors of an embedded PostgreSQL, and what the application's
 *   own start throws
 */
export async function startTestTenancy<const Request extends TenantRequest = never>(
  options: TestTenancyOptions<Request>,
): Promise<TestTenancy<SlugOf<Request>>> {
  const releases: (() => Promise<void> | void)[] = [];
  const release = async (): Promise<void> => {
    for (let step = releases.pop(); step; step = releases.pop()) await step();
  };
  try {
    const server = await useTestServer(options.databaseUrl);
    releases.push(() => server.release());
    const catalog = await createTestCatalog(server.url);
    releases.push(() => catalog.drop());
    const env = testEnvironment(catalog.url, options.env ?? {});
    releases.push(enterEnvironment(env));
    const app = await startApplication(options, env);
    releases.push(() => app.close());
    const session = await openSession(app);
    app.useLogger(options.logger ?? false); // the control plane has switched the process's log off
    releases.push(() => session.close());
    const tenancy = new RunningTenancy<SlugOf<Request>>({ app, session, release }, await urlOf(app));
    await tenancy.createInitial((options.tenants ?? []).map(toNewTenant));
    return tenancy;
  } catch (error) {
    await release();
    throw error;
  }
}

/** The control plane over the same catalog: the application need not serve it, nor have the packages that it needs. */
function openSession(app: INestApplication): Promise<ControlPlaneSession> {
  const config = app.get<AppConfig>(APP_CONFIG, { strict: false });
  const sources = app.get<ConfigSources>(CONFIG_SOURCES, { strict: false });
  const schema = app.get<TenantSchema>(TENANT_SCHEMA, { strict: false });
  return ControlPlaneSession.open({ config, sources }, { schema, redis: false, log: undefined, application: app });
}

async function urlOf(app: INestApplication): Promise<string> {
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
}

function toNewTenant(request: TenantRequest): NewTestTenant {
  return typeof request === 'string' ? { slug: request } : request;
}
