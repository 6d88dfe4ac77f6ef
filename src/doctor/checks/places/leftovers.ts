import pg from 'pg';
import { roleComment } from '../../../catalog/model/role-comment.js';
import { TRIGGER_PREFIX } from '../../../database/gates/write-triggers.js';
import { sharedTargetName } from '../../../admin/provisioning/names.js';
import { hasUnprintable } from '../../../platform/unprintable.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../../diagnosis/finding.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from '../login-roles.js';

const NAME = 'leftovers';
const MAX_REPORTED = 20;
const LISTED_IN = { database: 'pg_database', 'login role': 'pg_roles', schema: 'pg_namespace' } as const;
const OLDER = 'restore a newer backup of the catalog, or, once nothing in it is needed';

interface ServerObjects {
  /** Databases and login roles whose names begin with the catalog's. */
  readonly databases: readonly string[];
  readonly roles: readonly { readonly name: string; readonly comment: string }[];
  /** Of the databases of targets, whether or not they are named after the catalog. */
  readonly present: readonly string[];
}

const OBJECTS = `
  SELECT array(SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1) AS databases,
         array(SELECT datname::text FROM pg_database WHERE datname = ANY ($2::text[])) AS present,
         coalesce((SELECT jsonb_agg(jsonb_build_object('name', rolname, 'comment', comment) ORDER BY rolname)
           FROM (SELECT rolname, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles) r
           WHERE comment LIKE 'login role of connection target %' AND starts_with(rolname, $1)), '[]') AS roles`;

const SCHEMAS = `
  SELECT nspname::text AS name FROM pg_namespace
  WHERE nspname ~ '^[ti]_[0-9a-f]{32}$' AND NOT nspname = ANY ($1::text[]) ORDER BY 1 LIMIT ${MAX_REPORTED}`;

/** Of moves that have ended, on tables that were being read at each attempt to drop them. */
const DISABLED_TRIGGERS = `
  SELECT count(*)::int AS count, array(SELECT DISTINCT r::text FROM unnest(array_agg(tgrelid::regclass)) r ORDER BY 1 LIMIT ${MAX_REPORTED}) AS tables
  FROM pg_trigger WHERE tgenabled = 'D' AND tgparentid = 0 AND starts_with(tgname, '${TRIGGER_PREFIX}')`;

const DROP_DISABLED = `SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger
  WHERE tgenabled = 'D' AND tgparentid = 0 AND starts_with(tgname, '${TRIGGER_PREFIX}') \\gexec`.replaceAll(
  /\s+/g,
  ' ',
);

/** Of tenants, of both places of a move that is not finished, and what operations under way fill. */
const KNOWN_SCHEMAS = `
  SELECT schema_name AS name FROM tenants WHERE target_id = $1 AND schema_name IS NOT NULL
  UNION SELECT from_schema FROM moves WHERE from_target_id = $1
  UNION SELECT to_schema FROM moves WHERE to_target_id = $1
  UNION SELECT 'i_' || replace(id, '-', '') FROM (
    SELECT operation_id::text FROM moves
    UNION SELECT coalesce(input ->> 'importId', id::text) FROM operations WHERE status IN ('pending', 'running')) filling (id)`;

/**
 * Compares the databases, login roles and schemas that exist with those in the catalog: after the catalog was restored from an
 * older backup, tenants created since then are unknown, and rotated roles have other names.
 */
export const leftovers: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const isBusy = await hasUnfinishedOperations(context);
    const reachable = context.servers.filter(({ facts }) => facts !== undefined);
    const ofServers = await mapConcurrently(reachable, ({ server }) => checkServer(server.name, context, isBusy));
    // A provided database may serve several catalogs.
    const shared = context.targets.filter(
      (target) => target.kind === 'shared' && !target.provided && isReachable(context, target.serverId),
    );
    const ofDatabases = await mapConcurrently(shared, (target) => checkDatabase(target, context));
    const findings = [...ofServers, ...ofDatabases].flat();
    return findings.length > 0 ? findings : [ok(NAME, 'every database, schema and login role belongs to the catalog')];
  },
};

/** They make and drop what is compared here, and are reported by the `stuck` check when nothing goes on with them. */
async function hasUnfinishedOperations({ catalog }: CatalogContext): Promise<boolean> {
  const { rows } = await catalog.query<{ busy: boolean }>(
    `SELECT EXISTS (SELECT FROM operations WHERE status IN ('pending', 'running')
       AND kind IN ('provision', 'provision-tenants', 'delete', 'rotate-credentials', 'import', 'discard-import', 'drill')) AS busy`,
  );
  return rows[0]?.busy === true;
}

async function checkServer(name: string, context: CatalogContext, isBusy: boolean): Promise<Finding[]> {
  const { servers, targets, options, owner } = context;
  const server = servers.find((state) => state.server.name === name)?.server;
  if (!server) return [];
  const known = targets.filter(({ serverId }) => serverId === server.id);
  const prefix = catalogPrefix(context);
  const objects = await queryServer(owner.of(server), options, async (client) => {
    const { rows } = await client.query<ServerObjects>(OBJECTS, [prefix, known.map(({ database }) => database)]);
    return rows[0];
  });
  if (!objects) return [];
  const slugs = await dedicatedSlugs(context);
  const missing = known.flatMap((target) => missingOf(target, objects, prefix, slugs));
  return isBusy ? missing : [...missing, ...unknownOf(name, known, objects, prefix)];
}

/** Slugs of the tenants that have a target to themselves, by its id. */
async function dedicatedSlugs({ catalog }: CatalogContext): Promise<ReadonlyMap<string, string>> {
  const { rows } = await catalog.query<{ id: string; slug: string }>(
    `SELECT t.id, slug FROM connection_targets t JOIN tenants ON target_id = t.id WHERE kind = 'dedicated'`,
  );
  return new Map(rows.map(({ id, slug }) => [id, slug]));
}

/** Databases and roles of one catalog have names that begin like this, unless they are too long. */
function catalogPrefix({ owner, servers }: CatalogContext): string {
  const own = servers.find(({ server }) => server.host === null)?.server;
  return own ? sharedTargetName(owner.of(own).database).replace(/shared$/, '') : '';
}

function missingOf(
  target: TargetOfServer,
  { present, roles }: ServerObjects,
  prefix: string,
  slugs: ReadonlyMap<string, string>,
): Finding[] {
  const { id, kind, role, database, server, provided } = target;
  const subject = nameOfTarget(target);
  if (!present.includes(database)) {
    const remedy = 'restore it from a backup, or delete its tenants: tenants delete';
    return [fail(NAME, 'its database does not exist', remedy, subject)];
  }
  if (provided || !role.startsWith(prefix) || roles.some(({ name }) => name === role)) return [];
  const other = roles.find(({ comment }) => comment === roleComment(id));
  if (!other) return [fail(NAME, 'its login role does not exist', 'restore it: pg_dumpall --roles-only', subject)];
  const rotate = `rotate-credentials ${kind === 'shared' ? `--server ${server.name}` : `--tenant ${slugs.get(id)}`}`;
  const rename = `ALTER ROLE ${pg.escapeIdentifier(other.name)} RENAME TO ${pg.escapeIdentifier(role)}`;
  const message = `its login role is called ${other.name} now: the catalog is older than the last rotation`;
  const remedy = [other.name, role].some(hasUnprintable)
    ? `${inspect('login role')}, and rename it first as connection_targets has it`
    : `as the server's owner: ${rename}`;
  return [fail(NAME, message, `${remedy}; then: ${rotate}`, subject)];
}

function unknownOf(
  server: string,
  known: readonly TargetOfServer[],
  { databases, roles }: ServerObjects,
  prefix: string,
): Finding[] {
  const ofTenant = (name: string): boolean => /^[0-9a-f]{32}$/.test(name.slice(prefix.length));
  const comments = new Map(known.map(({ id, role }) => [roleComment(id), role]));
  const roleNames = new Set(roles.map(({ name }) => name));
  const lostDatabases = databases.filter((name) => ofTenant(name) && !known.some(({ database }) => database === name));
  const lostRoles = roles.filter(({ name, comment }) => {
    const current = comments.get(comment);
    return current === undefined || (current !== name && roleNames.has(current));
  });
  return [
    ...lostDatabases.map((name) => unknown('database', name, 'DROP DATABASE', server)),
    ...lostRoles.map(({ name }) => unknown('login role', name, 'DROP ROLE', server)),
  ].slice(0, MAX_REPORTED);
}

async function checkDatabase(target: TargetOfServer, { catalog, owner, options }: CatalogContext): Promise<Finding[]> {
  const { rows: known } = await catalog.query<{ name: string }>(KNOWN_SCHEMAS, [target.id]);
  try {
    const [schemas, triggers] = await queryServer(owner.of(target.server, target.database), options, async (client) => {
      const unknownSchemas = await client.query<{ name: string }>(SCHEMAS, [known.map(({ name }) => name)]);
      const disabled = await client.query<{ count: number; tables: string[] }>(DISABLED_TRIGGERS);
      return [unknownSchemas.rows, disabled.rows[0]] as const;
    });
    const where = `${target.server.name}/${target.database}`;
    return [
      ...schemas.map(({ name }) => unknown('schema', name, 'DROP SCHEMA', where)),
      ...(triggers && triggers.count > 0 ? [leftTriggers(triggers, where)] : []),
    ];
  } catch {
    return []; // reported by the checks that need the database
  }
}

function leftTriggers(
  { count, tables }: { readonly count: number; readonly tables: readonly string[] },
  where: string,
) {
  const message = `ended moves have left disabled triggers, which slow writes down, on ${tables.join(', ')}: ${count}`;
  return warn(NAME, message, `in psql, while these tables are not read: ${DROP_DISABLED}`, where);
}

function unknown(what: keyof typeof LISTED_IN, name: string, drop: string, where: string): Finding {
  const message = `the ${what} ${name} belongs to no tenant of the catalog`;
  const sql = `${drop} ${pg.escapeIdentifier(name)}${what === 'schema' ? ' CASCADE' : ''}`;
  return warn(NAME, message, `${OLDER}: ${hasUnprintable(name) ? `${inspect(what)}, and drop it` : sql}`, where);
}

/** Instead of SQL: the terminal would show another name than the one to paste. */
function inspect(what: keyof typeof LISTED_IN): string {
  return `the name of the ${what} has unprintable characters: find it in ${LISTED_IN[what]}`;
}
