import { replicaTarget } from '../../database/connection/connection-target.js';
import type { HostAndPort } from '../../platform/postgres/database-url.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import type { CatalogContext, Check } from '../diagnosis/check.js';
import { type Finding, ok, warn } from '../diagnosis/finding.js';
import { queryServer } from '../diagnosis/query-server.js';
import type { ServerState } from '../diagnosis/server-state.js';

const NAME = 'replica';

const PRIMARY = 'SELECT system_identifier::text AS system, pg_current_wal_lsn()::text AS lsn FROM pg_control_system()';
/** `behind_ms` says nothing where the primary has written nothing since: `lacks` does. */
const REPLICA = `
  SELECT system_identifier::text AS system, pg_is_in_recovery() AS standby,
         CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_replay_lsn()) ELSE 0 END::float8 AS lacks,
         (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 AS behind_ms
  FROM pg_control_system()`;

const PROMOTED = 'accepts writes, and is not read: it was promoted, or is the primary itself';

interface ReplicaFacts {
  readonly system: string;
  readonly standby: boolean;
  /** Bytes of the log. */
  readonly lacks: number | null;
  readonly behind_ms: number | null;
}

/** Checks that each read replica is reachable, is a standby of its server, and is not so far behind that it is not read. */
export const replicas: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => (await Promise.all(context.servers.map((state) => checkServer(state, context)))).flat(),
};

async function checkServer({ server, facts }: ServerState, context: CatalogContext): Promise<Finding[]> {
  const { replicas: configured, replicaMaxStalenessMs } = context.loaded.config.database;
  const addresses = server.host === null ? configured : server.replicas;
  if (!facts || facts.is_standby || addresses.length === 0) return []; // the check of servers reports it
  const owner = context.owner.of(server);
  const [primary] = await queryServer(
    owner,
    context.options,
    async (client) => (await client.query<{ system: string; lsn: string }>(PRIMARY)).rows,
  );
  const check = async (address: HostAndPort): Promise<Finding> => {
    const subject = `${server.name} ${address.host}:${address.port}`;
    try {
      const [replica] = await queryServer(
        replicaTarget(owner, address),
        context.options,
        async (client) => (await client.query<ReplicaFacts>(REPLICA, [primary!.lsn])).rows,
      );
      return findingOf(replica!, { system: primary!.system, maxMs: replicaMaxStalenessMs }, subject);
    } catch (error) {
      const remedy = 'start it, or correct its address: servers set --replicas, DATABASE_REPLICAS';
      return warn(NAME, `cannot be queried, so the primary is read in its place: ${reasonOf(error)}`, remedy, subject);
    }
  };
  return Promise.all(addresses.map(check));
}

function findingOf(
  { system, standby, lacks, behind_ms: behindMs }: ReplicaFacts,
  expected: { readonly system: string; readonly maxMs: number },
  subject: string,
): Finding {
  if (system !== expected.system)
    return warn(NAME, 'is a copy of another server, and is not read', 'correct its address', subject);
  if (!standby) return warn(NAME, PROMOTED, 'make it a standby again, or name the address of a standby', subject);
  const bytes = Math.max(0, Math.round(lacks ?? 0));
  const isBehind = bytes > 0 && behindMs !== null && behindMs > expected.maxMs;
  if (!isBehind) return ok(NAME, `lacks ${bytes} bytes of the primary's log`, subject);
  const message = `is ${Math.round(behindMs / 1_000)} s behind, and is not read: it lacks ${bytes} bytes of the log`;
  return warn(NAME, message, 'see why it does not keep up: pg_stat_replication on the primary', subject);
}
