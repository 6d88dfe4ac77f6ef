import type { AppConfig } from '../../platform/config/app-config.js';
import type { Check, Diagnosis } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import type { ServerState } from '../diagnosis/server-state.js';

const NAME = 'server';
const OLDEST_VERSION_NUM = 150_000;
const NEARLY_ALL = 0.8;

/** Each server answers its owner, and lets it do what tenants need. */
export const servers: Check<Diagnosis> = {
  name: NAME,
  look: ({ servers: all, loaded: { config } }) => all.flatMap((state) => lookAt(state, config)),
};

function lookAt({ server: { name, maxConnections }, facts, problem }: ServerState, config: AppConfig): Finding[] {
  if (!facts) {
    return [fail(NAME, `cannot be asked as its owner: ${problem}`, 'start it, or correct it: servers set', name)];
  }
  const { version, version_num, is_standby, may_create_databases, may_create_roles } = facts;
  const limit = maxConnections ?? config.pool.serverMaxConnections;
  const all: readonly (false | Finding)[] = [
    version_num < OLDEST_VERSION_NUM && fail(NAME, `PostgreSQL ${version} is too old`, 'upgrade to 15 or newer', name),
    is_standby && fail(NAME, 'is a standby: it takes no writes', 'name the primary instead', name),
    !may_create_databases && fail(NAME, 'its owner lacks CREATEDB', 'ALTER ROLE … CREATEDB', name),
    !may_create_roles && fail(NAME, 'its owner lacks CREATEROLE', 'ALTER ROLE … CREATEROLE', name),
    ...roomLeft(name, limit, facts),
  ];
  const findings = all.filter((finding) => finding !== false);
  if (findings.length > 0) return findings;
  const instances = Math.floor((facts.max_connections - facts.reserved) / limit);
  const used = `${facts.used} of ${facts.max_connections} connections used`;
  const room = `room for ${instances} ${instances === 1 ? 'instance' : 'instances'} of ${limit}`;
  return [ok(NAME, `PostgreSQL ${version}, ${used}, ${room}`, name)];
}

/** One instance may use its limit at any moment: it is better told now than then. */
function roomLeft(name: string, limit: number, facts: NonNullable<ServerState['facts']>): (false | Finding)[] {
  const { max_connections, reserved, used } = facts;
  const open = max_connections - reserved;
  const remedy = `raise max_connections, or lower DB_SERVER_MAX_CONNECTIONS (or: servers set ${name} --max-connections)`;
  const most = `one instance may open ${limit} connections`;
  return [
    limit > open && fail(NAME, `${most}, the server has ${open} for it`, remedy, name),
    limit <= open && used > open * NEARLY_ALL && warn(NAME, `${used} of ${open} connections are used`, remedy, name),
  ];
}
