import { readdir } from 'node:fs/promises';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { Questions } from './query-server.js';
import { fail, type Finding, ok, warn } from './finding.js';
import type { TargetOfServer } from './diagnosis.js';

const NAME = 'catalog';
const OLDEST_VERSION_NUM = 150_000;
/** The catalog's migrations are told by the 13 digits that their files begin with. */
const MIGRATIONS = new URL('../../catalog/schema-migrations/', import.meta.url);
const MIGRATION_FILE = /^(\d{13})-[\w-]+\.[jt]s$/;

interface CatalogFacts {
  readonly version: string;
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly may_create_tables: boolean;
  readonly migrated: boolean;
}

const FACTS = `
  SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_num,
         rolsuper OR rolcreatedb AS may_create_databases, rolsuper OR rolcreaterole AS may_create_roles,
         has_schema_privilege(current_schema(), 'CREATE') AS may_create_tables,
         to_regclass('catalog_migrations') IS NOT NULL AS migrated
  FROM pg_roles WHERE rolname = current_user`;

/** What is to be said of the catalog, and whether it can be read. */
export async function readCatalogState(catalog: Questions): Promise<{ findings: Finding[]; isReadable: boolean }> {
  const { rows } = await catalog.query<CatalogFacts>(FACTS);
  const facts = rows[0];
  if (!facts) throw new Error('the server does not list the role of DATABASE_URL');
  const { known, recorded } = await migrationsOf(catalog, facts.migrated);
  const missing = known.filter((timestamp) => !recorded.includes(timestamp));
  const newer = recorded.filter((timestamp) => !known.includes(timestamp));
  const all: readonly (false | Finding)[] = [
    facts.version_num < OLDEST_VERSION_NUM &&
      fail(NAME, `PostgreSQL ${facts.version} is too old`, 'upgrade to 15 or newer'),
    !facts.may_create_databases && fail(NAME, 'the role of DATABASE_URL lacks CREATEDB', 'ALTER ROLE … CREATEDB'),
    !facts.may_create_roles && fail(NAME, 'the role of DATABASE_URL lacks CREATEROLE', 'ALTER ROLE … CREATEROLE'),
    !facts.may_create_tables &&
      fail(NAME, 'the role of DATABASE_URL may not create tables', 'GRANT CREATE ON SCHEMA public TO the role'),
    missing.length > 0 &&
      fail(NAME, `${missing.length} of its migrations did not run`, 'start the server: it runs them'),
    newer.length > 0 && warn(NAME, 'a newer version of this application has migrated it', 'run that version here'),
  ];
  const findings = all.filter((finding) => finding !== false);
  const sound = ok(NAME, `PostgreSQL ${facts.version}, ${recorded.length} migrations`);
  return { findings: findings.length > 0 ? findings : [sound], isReadable: missing.length === 0 };
}

async function migrationsOf(catalog: Questions, migrated: boolean): Promise<{ known: string[]; recorded: string[] }> {
  const files = await readdir(MIGRATIONS);
  const known = files.flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []).filter(isFirst);
  if (!migrated) return { known, recorded: [] };
  const { rows } = await catalog.query<{ timestamp: string }>('SELECT timestamp::text FROM catalog_migrations');
  return { known, recorded: rows.map(({ timestamp }) => timestamp) };
}

/** Beside the compiled file may lie its types. */
function isFirst(value: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(value) === index;
}

const SERVERS = `
  SELECT id, name, host, port, tls, owner_role AS "ownerRole", owner_password_sealed AS "ownerPasswordSealed",
         max_connections AS "maxConnections", draining
  FROM servers ORDER BY name`;

const TARGETS = `
  SELECT id, server_id AS "serverId", kind, database, role, password_sealed AS "passwordSealed", version
  FROM connection_targets ORDER BY server_id, database`;

/** Where tenants live, as the catalog says. */
export async function readServersAndTargets(
  catalog: Questions,
): Promise<{ readonly servers: readonly ServerEntity[]; readonly targets: readonly TargetOfServer[] }> {
  const { rows: servers } = await catalog.query<ServerEntity>(SERVERS);
  const { rows: targets } = await catalog.query<Omit<TargetOfServer, 'server'>>(TARGETS);
  const byId = new Map(servers.map((server) => [server.id, server]));
  return {
    servers,
    targets: targets.flatMap((target) => {
      const server = byId.get(target.serverId);
      return server ? [{ ...target, server }] : [];
    }),
  };
}
