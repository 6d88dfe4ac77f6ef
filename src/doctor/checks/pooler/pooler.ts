import { DEFAULT_SERVER } from '../../../catalog/catalog-target.js';
import {
  networkAddressOf,
  targetOfUrl,
  type ConnectionTarget,
} from '../../../database/connection/connection-target.js';
import { probePooler, PoolerLeakError } from '../../../database/statements/pooler-probe.js';
import type { PoolOptions } from '../../../database/pool/pool-options.js';
import { queryPooler } from '../../diagnosis/query-server.js';
import { KEEPALIVE_SETTINGS, missingKeepalive } from './pooler-keepalive.js';
import type { Check, CatalogContext } from '../../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../../diagnosis/finding.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';

const NAME = 'pooler';
/** Name of the database that is PgBouncer's admin console. */
const CONSOLE = 'pgbouncer';
/**
 * Older versions let a caller who knows one password log in as any other role, among other faults:
 * CVE-2026-107350 (https://www.pgbouncer.org/changelog.html).
 */
const MIN_VERSION = [1, 26, 1] as const;
const UPGRADE = `install PgBouncer ${MIN_VERSION.join('.')} or newer`;

/** Checks that the pooler does not carry one tenant's settings over to the next client of a connection. */
export const pooler: Check<CatalogContext> = {
  name: NAME,
  run: async ({ access: { config }, options }) => {
    const { url, directUrl, pooler: mode } = config.database;
    if (mode === undefined || url === undefined || directUrl === undefined)
      return [ok(NAME, 'none (DB_POOLER is not set)')];
    const target = targetOfUrl(url, DEFAULT_SERVER);
    const aroundPooler = networkAddressOf(targetOfUrl(directUrl, DEFAULT_SERVER).server);
    try {
      const probedTarget = { ...target, server: { ...target.server, aroundPooler } };
      const proven = await probePooler(probedTarget, options);
      const console = { ...probedTarget, database: CONSOLE };
      const version = await readVersion(console, options);
      const doubts = version === undefined ? [] : await doubtsAbout(version, probedTarget, console, options);
      if (proven) return doubts.length > 0 ? doubts : [keepsStampsApart(version)];
      return [
        ...doubts,
        warn(NAME, 'did not share a connection between two clients', 'set its pool_mode to transaction'),
      ];
    } catch (error) {
      const remedy =
        error instanceof PoolerLeakError ? 'set its pool_mode to transaction' : 'start it, or correct DATABASE_URL';
      return [fail(NAME, reasonOf(error), remedy)];
    }
  },
};

async function doubtsAbout(
  version: string,
  target: ConnectionTarget,
  console: ConnectionTarget,
  options: PoolOptions,
): Promise<Finding[]> {
  const missing = await missingKeepalive(target, console, options);
  return [
    ...(isOutdated(version) ? [warn(NAME, `${version} has faults`, UPGRADE)] : []),
    ...(missing.length > 0
      ? [warn(NAME, 'connections of a vanished client stay open for hours', `set ${missing.join(', ')}`)]
      : []),
  ];
}

function keepsStampsApart(version: string | undefined): Finding {
  const unchecked = `version unchecked: only its admin_users and stats_users may ask; it must be ${MIN_VERSION.join('.')} or newer, with keepalive on (${KEEPALIVE_SETTINGS})`;
  return ok(NAME, `keeps stamps apart (${version ?? unchecked})`);
}

/** Asks the admin console. @returns such as `PgBouncer 1.26.1`; undefined when it does not answer this role */
async function readVersion(console: ConnectionTarget, options: PoolOptions): Promise<string | undefined> {
  try {
    return await queryPooler(console, options, async (client) => {
      const { rows } = await client.query<{ version: string }>('SHOW VERSION');
      return rows[0]?.version;
    });
  } catch {
    return undefined;
  }
}

function isOutdated(version: string): boolean {
  const parts = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (!parts) return false;
  const difference = MIN_VERSION.map((wanted, index) => (parts[index] ?? 0) - wanted).find((each) => each !== 0);
  return difference !== undefined && difference < 0;
}
