import { isSupported } from '../../catalog/server-facts.js';
import { defaultLimit, lendable } from '../../catalog/instances/server-limit.js';
import type { AppConfig } from '../../platform/config/app-config.js';
import { leastShare } from '../../platform/config/worker-share.js';
import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import { knownFaultsOf } from '../diagnosis/known-faults.js';
import { missingProvidedRights } from '../diagnosis/provided-rights.js';
import type { ServerState } from '../diagnosis/server-state.js';

const NAME = 'server';
const WARN_RATIO = 0.8;

/** Checks that each server is reachable with its owner role, and that the role has the privileges tenants need. */
export const servers: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const { servers: all, loaded } = context;
    const findings = all.flatMap((state) => checkServer(state, loaded.config));
    return [...(await missingProvidedRights(context)), ...findings];
  },
};

function checkServer({ server, facts, problem }: ServerState, config: AppConfig): Finding[] {
  const { name, host } = server;
  const isProvided = host === null && config.database.tenantUrl !== undefined;
  if (!facts) {
    return [
      fail(
        NAME,
        `cannot be queried as its owner: ${problem}`,
        'start it, or correct its address or owner: servers set',
        name,
      ),
    ];
  }
  const { version, version_num, is_standby, is_read_only, may_create_databases, may_create_roles } = facts;
  const all: readonly (false | Finding)[] = [
    !isSupported(facts) && fail(NAME, `PostgreSQL ${version} is too old`, 'upgrade to 15 or newer', name),
    is_standby && fail(NAME, 'is a standby and rejects writes', 'configure the primary instead', name),
    !is_standby &&
      is_read_only &&
      fail(NAME, 'refuses writes', 'set default_transaction_read_only off, or configure the new primary', name),
    !isProvided && !may_create_databases && fail(NAME, 'its owner lacks CREATEDB', 'ALTER ROLE … CREATEDB', name),
    !isProvided && !may_create_roles && fail(NAME, 'its owner lacks CREATEROLE', 'ALTER ROLE … CREATEROLE', name),
    ...checkSecurity(server, version, version_num),
    ...checkCapacity(server, facts),
  ];
  const findings = all.filter((finding) => finding !== false);
  if (findings.length > 0) return findings;
  const used = `${facts.used} of ${facts.max_connections} connections used`;
  const { limit, running, room } = instancesOn(server, facts);
  const instances = `${limit} for instances: ${running} of at most ${room} run`;
  return [ok(NAME, `PostgreSQL ${version}, ${used}, ${instances}`, name)];
}

/** Without verification, another server may pretend to be this one, and receive passwords' proofs and tenants' rows. */
function checkSecurity(
  { name, tls, host }: ServerState['server'],
  version: string,
  versionNum: number,
): (false | Finding)[] {
  const faults = knownFaultsOf(versionNum);
  return [
    faults.length > 0 &&
      fail(NAME, `PostgreSQL ${version} has faults: ${faults.join(', ')}`, 'install its newest minor version', name),
    // The default server has no address of its own: DATABASE_URL is checked with the configuration.
    host !== null &&
      tls === 'require' &&
      warn(NAME, 'its certificate is not verified (TLS mode require)', `servers set ${name} --tls verify-full`, name),
  ];
}

type Facts = NonNullable<ServerState['facts']>;

/** How many instances run, and how many can, each with the least that it needs. */
function instancesOn(
  { host, maxConnections, instances: running }: ServerState['server'],
  { max_connections, reserved }: Facts,
): { readonly available: number; readonly limit: number; readonly running: number; readonly room: number } {
  const available = max_connections - reserved;
  const limit = maxConnections ?? defaultLimit(available);
  const isCatalogs = host === null;
  return { available, limit, running, room: Math.floor(lendable(limit, isCatalogs) / leastShare(isCatalogs)) };
}

/** A release starts a new instance before it stops an old one: whether that fits is said before it is tried. */
function checkCapacity(server: ServerState['server'], facts: Facts): (false | Finding)[] {
  const { name } = server;
  const { used } = facts;
  const { available, limit, running, room } = instancesOn(server, facts);
  const remedy = `raise max_connections of PostgreSQL, and the limit (servers set ${name} --max-connections) where one is set`;
  return [
    limit > available &&
      fail(
        NAME,
        `all instances together may open ${limit} connections, but the server has only ${available}`,
        `servers set ${name} --max-connections ${defaultLimit(available)}, or --default-connections`,
        name,
      ),
    limit <= available &&
      running >= room &&
      warn(
        NAME,
        `a rollout will not fit: ${running} instances run, and ${limit} connections have room for ${room}`,
        remedy,
        name,
      ),
    limit <= available &&
      used > available * WARN_RATIO &&
      warn(NAME, `${used} of ${available} connections are used`, remedy, name),
  ];
}
