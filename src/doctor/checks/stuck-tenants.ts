import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'stuck';
/** Running operations send a heartbeat every second, and due ones are started within a second. */
const STALE_SECONDS = 60;
const MAX_REPORTED = 20;

interface StuckTenant {
  readonly slug: string;
  readonly status: string;
  /** Id of its newest operation, which failed or was cancelled. */
  readonly operation: string | null;
}

interface StaleOperation {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly status: string;
  /** Names of the application's hooks that its instance needs. */
  readonly hooks: readonly string[] | null;
}

const TENANTS = `
  SELECT t.slug, t.status,
    (SELECT o.id FROM operations o WHERE o.tenant_id = t.id OR o.kind = 'provision-tenants' AND EXISTS (
       SELECT FROM operation_tenants r WHERE r.operation_id = o.id AND r.tenant_id = t.id)
     ORDER BY o.created_at DESC, o.id DESC LIMIT 1) AS operation
  FROM tenants t
  WHERE t.status IN ('provisioning', 'failed', 'moving', 'deleting') AND t.spare_server_id IS NULL
    AND NOT EXISTS (SELECT FROM operations o WHERE o.status IN ('pending', 'running')
      AND (o.tenant_id = t.id OR o.kind = 'provision-tenants' AND t.status = 'provisioning'))
  ORDER BY t.slug LIMIT ${MAX_REPORTED}`;

interface TenantInMaintenance {
  readonly slug: string;
  /** Who began it, and when; null when that is not in the audit log. */
  readonly actor: string | null;
  readonly since: string | null;
  /** Whether a failed migration began it, so that a good one ends it. */
  readonly byMigration: boolean;
}

const IN_MAINTENANCE = `
  SELECT t.slug, begun.actor, to_char(begun.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS since,
         coalesce(begun.after ? 'migration', false) AS "byMigration"
  FROM tenants t LEFT JOIN LATERAL (
    SELECT a.actor, a.at, a.after FROM audit_log a
    WHERE a.subject_id = t.id::text AND a.subject_kind = 'tenant' AND a.action = 'tenant.maintenance'
    ORDER BY a.id DESC LIMIT 1) begun ON true
  WHERE t.status = 'maintenance'
    AND NOT EXISTS (SELECT FROM operations o WHERE o.kind = 'migrate' AND o.status IN ('pending', 'running'))
  ORDER BY t.slug LIMIT ${MAX_REPORTED}`;

interface UnfinishedMove {
  readonly slug: string;
  /** Whether its rows come from a backup. */
  readonly isRestore: boolean;
  readonly state: string;
  readonly since: string;
  /** Its newest operation, which has ended. */
  readonly operation: string | null;
}

const MOVES = `
  SELECT t.slug, m.state, m.backup_id IS NOT NULL AS "isRestore",
    to_char(coalesce(m.moved_at, m.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS since,
    (SELECT o.id FROM operations o WHERE o.tenant_id = t.id OR o.kind = 'undo-move' AND o.input ->> 'tenantId' = t.id::text
     ORDER BY o.created_at DESC, o.id DESC LIMIT 1) AS operation
  FROM moves m JOIN tenants t ON t.id = m.tenant_id
  WHERE NOT EXISTS (SELECT FROM operations o WHERE o.status IN ('pending', 'running')
    AND (o.tenant_id = t.id OR o.kind = 'undo-move' AND o.input ->> 'tenantId' = t.id::text))
  ORDER BY t.slug LIMIT ${MAX_REPORTED}`;

const OPERATIONS = `
  SELECT id, kind, subject, status, required_hooks AS hooks FROM operations
  WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => ${STALE_SECONDS})
     OR status = 'pending' AND run_after < now() - make_interval(secs => ${STALE_SECONDS})
  ORDER BY run_after LIMIT ${MAX_REPORTED}`;

/** Reports tenants and operations that no worker will pick up, and tenants that only a command will serve again. */
export const stuckTenants: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog }) => {
    const tenants = await catalog.query<StuckTenant>(TENANTS);
    const operations = await catalog.query<StaleOperation>(OPERATIONS);
    const resting = await catalog.query<TenantInMaintenance>(IN_MAINTENANCE);
    const moves = await catalog.query<UnfinishedMove>(MOVES);
    const findings = [
      ...tenants.rows.map(tenantFinding),
      ...resting.rows.map(maintenanceFinding),
      ...moves.rows.map(moveFinding),
      ...operations.rows.map(operationFinding),
    ];
    return findings.length > 0 ? findings : [ok(NAME, 'no tenant or operation is stuck')];
  },
};

function tenantFinding({ slug, status, operation }: StuckTenant): Finding {
  const remedy = operation === null ? `tenants delete ${slug}` : `operations retry ${operation}`;
  return fail(NAME, `is ${status}, and no operation is pending or running`, remedy, slug);
}

function maintenanceFinding({ slug, actor, since, byMigration }: TenantInMaintenance): Finding {
  const end = `tenants maintenance-end ${slug}`;
  if (byMigration) {
    const message = `is in maintenance since its migration failed (${since})`;
    return warn(NAME, message, `migrate --tenant ${slug}; if its tables are up to date: ${end}`, slug);
  }
  return warn(NAME, `is in maintenance, begun by ${actor ?? 'SQL'}${since ? ` (${since})` : ''}`, end, slug);
}

function moveFinding({ slug, state, isRestore, since, operation }: UnfinishedMove): Finding {
  if (state !== 'moved') {
    return fail(
      NAME,
      `has a ${isRestore ? 'restore' : 'move'} that is ${state}, and no operation is pending or running`,
      `operations retry ${operation}`,
      slug,
    );
  }
  const remedy = `tenants move-finish ${slug}, or: tenants move-back ${slug}`;
  const what = isRestore ? 'was restored from a backup' : 'was moved';
  return warn(NAME, `${what} (${since}), and its former rows are still there`, remedy, slug);
}

function operationFinding({ id, kind, subject, status, hooks }: StaleOperation): Finding {
  if (status === 'pending' && hooks?.includes('archive:backups')) {
    const remedy = `start an instance that has it, or: operations cancel ${id}`;
    return warn(NAME, 'waits for an instance with BACKUP_URL', remedy, `${kind} ${subject}`);
  }
  if (status === 'pending' && hooks?.some((name) => name.startsWith('archive:'))) {
    const remedy = `run the same "tenants import" again, or: operations cancel ${id}`;
    return warn(NAME, 'waits for the command that has its file', remedy, `${kind} ${subject}`);
  }
  if (status === 'pending' && hooks) {
    const message = `is due, but no instance has started it: it needs the hooks ${hooks.join(', ')}`;
    const remedy = `start an instance that has them, or: operations cancel ${id}, then operations retry ${id} calls those of the release`;
    return warn(NAME, message, remedy, `${kind} ${subject}`);
  }
  const message = status === 'running' ? 'sends no heartbeat' : 'is due, but no instance has started it';
  return warn(NAME, message, `start a server, or: operations follow ${id}`, `${kind} ${subject}`);
}
