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
}

const TENANTS = `
  SELECT t.slug, t.status,
    (SELECT o.id FROM operations o WHERE o.tenant_id = t.id ORDER BY o.created_at DESC, o.id DESC LIMIT 1) AS operation
  FROM tenants t
  WHERE t.status IN ('provisioning', 'failed', 'moving', 'deleting')
    AND NOT EXISTS (SELECT FROM operations o WHERE o.tenant_id = t.id AND o.status IN ('pending', 'running'))
  ORDER BY t.slug LIMIT ${MAX_REPORTED}`;

const OPERATIONS = `
  SELECT id, kind, subject, status FROM operations
  WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => ${STALE_SECONDS})
     OR status = 'pending' AND run_after < now() - make_interval(secs => ${STALE_SECONDS})
  ORDER BY run_after LIMIT ${MAX_REPORTED}`;

/** Reports tenants and operations that no worker will pick up. */
export const stuckTenants: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog }) => {
    const tenants = await catalog.query<StuckTenant>(TENANTS);
    const operations = await catalog.query<StaleOperation>(OPERATIONS);
    const findings = [...tenants.rows.map(tenantFinding), ...operations.rows.map(operationFinding)];
    return findings.length > 0 ? findings : [ok(NAME, 'no tenant or operation is stuck')];
  },
};

function tenantFinding({ slug, status, operation }: StuckTenant): Finding {
  const remedy = operation === null ? `tenants delete ${slug}` : `operations retry ${operation}`;
  return fail(NAME, `is ${status}, and no operation is pending or running`, remedy, slug);
}

function operationFinding({ id, kind, subject, status }: StaleOperation): Finding {
  const message = status === 'running' ? 'sends no heartbeat' : 'is due, but no instance has started it';
  return warn(NAME, message, `start a server, or: operations follow ${id}`, `${kind} ${subject}`);
}
