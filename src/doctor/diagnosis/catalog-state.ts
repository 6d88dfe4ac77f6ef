import pg from 'pg';
import { CATALOG_MIGRATIONS } from '../../catalog/catalog-data-source.js';
import { MAY_CREATE_TABLES } from '../../catalog/catalog-rights.js';
import type { UsedServer } from './server-state.js';
import { isSupported, SERVER_FACTS, type ServerFacts } from '../../catalog/server-facts.js';
import type { Queryable } from './query-server.js';
import { fail, type Finding, ok, warn } from './finding.js';
import type { TargetOfServer } from './check.js';

const NAME = 'catalog';
const OR_PROVIDE = 'or set TENANT_DATABASE_URL, see docs/guides/database-rights.md';
/** A migration is identified by the 13-digit timestamp at the end of its class's name. */
const KNOWN = CATALOG_MIGRATIONS.map(({ name }) => name.slice(-13));

interface CatalogFacts extends ServerFacts {
  readonly may_create_tables: boolean;
  readonly migrated: boolean;
}

const FACTS = `
  SELECT ${SERVER_FACTS}, ${MAY_CREATE_TABLES} AS may_create_tables,
         to_regclass('catalog_migrations') IS NOT NULL AS migrated
  FROM pg_roles WHERE rolname = current_user`;

/**
 * Checks the catalog itself. `isReadable` is true when no migration is missing, so that other checks can query it.
 *
 * @param isProvided whether an operator has made the database and login role of shared tenants
 */
export async function readCatalogState(
  catalog: Queryable,
  { isProvided, schema }: { readonly isProvided: boolean; readonly schema: string },
): Promise<{ findings: Finding[]; isReadable: boolean }> {
  const { rows } = await catalog.query<CatalogFacts>(FACTS, [schema]);
  const facts = rows[0];
  if (!facts) throw new Error('the server does not list the role of DATABASE_URL');
  const recorded = await recordedMigrations(catalog, facts.migrated);
  const missing = KNOWN.filter((timestamp) => !recorded.includes(timestamp));
  const newer = recorded.filter((timestamp) => !KNOWN.includes(timestamp));
  const quotedSchema = pg.escapeIdentifier(schema);
  const all: readonly (false | Finding)[] = [
    !isSupported(facts) && fail(NAME, `PostgreSQL ${facts.version} is too old`, 'upgrade to 15 or newer'),
    !isProvided &&
      !facts.may_create_databases &&
      fail(NAME, 'the role of DATABASE_URL lacks CREATEDB', `ALTER ROLE … CREATEDB, ${OR_PROVIDE}`),
    !isProvided &&
      !facts.may_create_roles &&
      fail(NAME, 'the role of DATABASE_URL lacks CREATEROLE', `ALTER ROLE … CREATEROLE, ${OR_PROVIDE}`),
    !facts.may_create_tables &&
      fail(
        NAME,
        'the role of DATABASE_URL may not create tables',
        `CREATE SCHEMA ${quotedSchema} AUTHORIZATION …; if it exists, GRANT USAGE, CREATE ON SCHEMA ${quotedSchema} TO …`,
      ),
    missing.length > 0 &&
      fail(NAME, `${missing.length} of its migrations did not run`, 'start the server, which runs them'),
    newer.length > 0 && warn(NAME, 'it was migrated by a newer version of this application', 'run that version here'),
  ];
  const findings = all.filter((finding) => finding !== false);
  const healthy = ok(NAME, `PostgreSQL ${facts.version}, schema ${schema}, ${recorded.length} migrations`);
  return { findings: findings.length > 0 ? findings : [healthy], isReadable: missing.length === 0 };
}

async function recordedMigrations(catalog: Queryable, migrated: boolean): Promise<string[]> {
  if (!migrated) return [];
  const { rows } = await catalog.query<{ timestamp: string }>('SELECT timestamp::text FROM catalog_migrations');
  return rows.map(({ timestamp }) => timestamp);
}

const SERVERS = `
  SELECT id, name, host, port, further_addresses AS "furtherAddresses", tls, owner_role AS "ownerRole", owner_password_sealed AS "ownerPasswordSealed",
         max_connections AS "maxConnections", draining,
         (SELECT count(*)::int FROM connection_shares c WHERE c.server_id = servers.id) AS instances
  FROM servers ORDER BY name`;

const TARGETS = `
  SELECT id, server_id AS "serverId", kind, database, role, password_sealed AS "passwordSealed",
         stamp_key_sealed AS "stampKeySealed", stamps_enforced AS "stampsEnforced", provided, adopted,
         row_schema AS "rowSchema", version
  FROM connection_targets ORDER BY server_id, database`;

/** All servers and connection targets in the catalog. */
export async function readServersAndTargets(
  catalog: Queryable,
): Promise<{ readonly servers: readonly UsedServer[]; readonly targets: readonly TargetOfServer[] }> {
  const { rows: servers } = await catalog.query<UsedServer>(SERVERS);
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
