import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import type { AuditLog } from '../../catalog/audit/audit-log.js';

/** Whether the operator `o` may work as the tenant `t`. */
const MAY_IMPERSONATE = `(o.revoked_at IS NULL AND o.role <> 'viewer'
  AND (o.tenant_ids IS NULL OR t.id = ANY (o.tenant_ids) OR t.groups && o.groups))`;

const IS_ALIVE = 'k.revoked_at IS NULL AND k.expires_at > now()';

const LOCK_ADMITTED = `
  SELECT FROM operators o JOIN tenants t ON t.id = $2 WHERE o.id = $1 AND ${MAY_IMPERSONATE} FOR SHARE OF o`;

const LOCK_OPERATORS_OF = `
  SELECT FROM operators o WHERE o.id IN (SELECT k.operator_id FROM api_keys k WHERE k.tenant_id = $1 AND ${IS_ALIVE})
  ORDER BY o.id FOR SHARE`;

/** In one order, so that two transactions that end the same keys do not wait for each other. */
const end = (which: string): string => `
  WITH ended AS (
    SELECT k.id, t.slug FROM api_keys k JOIN operators o ON o.id = k.operator_id JOIN tenants t ON t.id = k.tenant_id
    WHERE ${IS_ALIVE} AND ${which} ORDER BY k.id FOR UPDATE OF k
  )
  UPDATE api_keys k SET revoked_at = now() FROM ended e WHERE k.id = e.id
  RETURNING k.id, e.slug, k.impersonated_by AS "impersonatedBy"`;

const END_ALL = end('o.id = $1');
const END_OF_OPERATOR = end(`o.id = $1 AND NOT ${MAY_IMPERSONATE}`);
const END_OF_TENANT = end(`t.id = $1 AND NOT ${MAY_IMPERSONATE}`);

/** Expired keys are kept for some days, for readers of logs; the audit log names them for ever. */
const KEPT_DAYS = 7;
const MAX_REMOVED = 100;

const REMOVE = `
  DELETE FROM api_keys WHERE id IN (
    SELECT id FROM api_keys WHERE impersonated_by IS NOT NULL AND expires_at < now() - interval '${KEPT_DAYS} days'
    LIMIT ${MAX_REMOVED} FOR UPDATE SKIP LOCKED)`;

interface Ended {
  readonly id: string;
  readonly slug: string;
  readonly impersonatedBy: string;
}

/**
 * Whether the operator may work as the tenant, until the end of the transaction: its revocation waits for that, and then ends
 * the key that the transaction has issued. The tenant's row is locked already.
 */
export async function mayImpersonate(catalog: EntityManager, operatorId: string, tenantId: string): Promise<boolean> {
  const found = await catalog.query<unknown[]>(LOCK_ADMITTED, [operatorId, tenantId]);
  return found.length > 0;
}

/** Ends an operator's impersonations of tenants that it may no longer work as; its row is locked already. */
export async function endOutOfReach(
  catalog: EntityManager,
  operatorId: string,
  audit: AuditLog,
  actor: Actor,
): Promise<void> {
  await endKeys(catalog, END_OF_OPERATOR, operatorId, audit, actor);
}

/** Ends all of an operator's impersonations; its row is locked already. */
export async function endImpersonations(
  catalog: EntityManager,
  operatorId: string,
  audit: AuditLog,
  actor: Actor,
): Promise<void> {
  await endKeys(catalog, END_ALL, operatorId, audit, actor);
}

/** Ends impersonations of a tenant by operators who no longer reach it; its row is locked and changed already. */
export async function endByStrangers(
  catalog: EntityManager,
  tenantId: string,
  audit: AuditLog,
  actor: Actor,
): Promise<void> {
  await catalog.query(LOCK_OPERATORS_OF, [tenantId]); // what changes them at the same time does not see the tenant's change
  await endKeys(catalog, END_OF_TENANT, tenantId, audit, actor);
}

/** Removes some of the impersonation keys that expired days ago: as many as are issued, and more. */
export async function removeLongExpired(catalog: EntityManager): Promise<void> {
  await catalog.query(REMOVE);
}

async function endKeys(catalog: EntityManager, text: string, id: string, audit: AuditLog, actor: Actor): Promise<void> {
  const [ended] = await catalog.query<[Ended[], number]>(text, [id]);
  for (const { id: keyId, slug, impersonatedBy } of ended) {
    const subject = { subjectKind: 'api-key', subjectId: keyId, subject: slug } as const;
    await audit.record(catalog, { actor, action: 'api-key.revoke', ...subject, after: { impersonatedBy } });
  }
}
