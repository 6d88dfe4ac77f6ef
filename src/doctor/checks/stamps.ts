import type pg from 'pg';
import { stampKeyContext } from '../../catalog/entities/connection-target.entity.js';
import { COUNT_FORMER_INSTANCES } from '../../catalog/feed/former-instances.js';
import { installedKeys } from '../../database/isolation/installed-keys.js';
import { readUnsignedStamps, functionFaults } from '../../database/isolation/isolation-functions.js';
import { countUnsignedSessions } from '../../database/isolation/unsigned-sessions.js';
import { DecryptionError } from '../../platform/encryption/key-ring.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import { queryServer } from '../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from './login-roles.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

const NAME = 'stamps';
const ROTATION_IN_PROGRESS = `
  SELECT FROM operations
  WHERE kind = 'rotate-stamp-key' AND status IN ('pending', 'running') AND input ->> 'targetId' = $1`;

const MIGRATE = 'run `tenantry migrate`';

/** Checks that each database with tenants can tell a signed stamp from a forged one, and refuses those without a proof. */
export const stamps: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
    const { rows } = await context.catalog.query<{ instances: number }>(COUNT_FORMER_INSTANCES);
    const former = rows[0]?.instances ?? 0;
    const findings = (await mapConcurrently(reachable, (target) => checkDatabase(target, context, former))).flat();
    if (findings.length > 0) return findings;
    return [ok(NAME, `every database accepts signed stamps only (checked: ${reachable.length})`)];
  },
};

/** @param former the number of running instances of former releases */
async function checkDatabase(target: TargetOfServer, context: CatalogContext, former: number): Promise<Finding[]> {
  const { owner, options } = context;
  const name = nameOfTarget(target);
  try {
    return await queryServer(owner.of(target.server, target.database), options, (client) =>
      findProblems(client, target, context, former),
    );
  } catch (error) {
    if (error instanceof DecryptionError) return []; // reported by the check of encrypted values
    return [fail(NAME, `cannot be checked: ${reasonOf(error)}`, 'fix the cause; see the other checks', name)];
  }
}

async function findProblems(
  client: pg.Client,
  target: TargetOfServer,
  { catalog, keyRing }: CatalogContext,
  former: number,
): Promise<Finding[]> {
  const name = nameOfTarget(target);
  const unsigned = await readUnsignedStamps(client);
  if (unsigned === undefined) return [warn(NAME, 'has no functions for signed stamps', MIGRATE, name)];
  if (unsigned === 'unknown') {
    return [fail(NAME, 'has functions that are not of this release', 'run `tenantry stamps enforce`', name)];
  }
  const faults = await functionFaults(client, target.role);
  if (faults !== null)
    return [fail(NAME, faults, 'restore what `tenantry_isolation` had; see docs/isolation.md', name)];
  if (target.stampKeySealed === null) return [warn(NAME, 'has no key for signed stamps', MIGRATE, name)];
  const key = keyRing.decrypt(target.stampKeySealed, stampKeyContext(target.id));
  const installed = await installedKeys(client);
  if (!installed.includes(key)) {
    return [fail(NAME, 'does not accept the key that stamps are signed with', MIGRATE, name)];
  }
  if (installed.length > 1 && (await catalog.query(ROTATION_IN_PROGRESS, [target.id])).rows.length === 0) {
    return [fail(NAME, 'accepts a former key, too', 'run `tenantry stamps rotate`, which removes it', name)];
  }
  if (unsigned === 'refused') return refusedInstances(former, name);
  const sessions = await countUnsignedSessions(client, target.role);
  if (sessions === 0 && former === 0) {
    return [
      warn(NAME, 'accepts stamps without a proof, although none are sent', 'run `tenantry stamps enforce`', name),
    ];
  }
  const senders = `${sessions} sessions and ${former} instances of a former release`;
  return [warn(NAME, `accepts stamps without a proof, for ${senders}`, 'upgrade them', name)];
}

function refusedInstances(former: number, name: string): Finding[] {
  if (former === 0) return [];
  const message = `refuses the stamps of ${former} instances of a former release, which find no rows`;
  return [fail(NAME, message, 'stop them', name)];
}
