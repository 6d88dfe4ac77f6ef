import type { Check, Diagnosis } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'stuck';
/** A sign of life comes each second; what is due is taken up within one. */
const SILENT_SECONDS = 60;
const MAX_REPORTED = 20;

interface StuckTenant {
  readonly slug: string;
  readonly status: string;
  /** Its newest operation that failed or was cancelled. */
  readonly operation: string | null;
}

interface SilentOperation {
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
  WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => ${SILENT_SECONDS})
     OR status = 'pending' AND run_after < now() - make_interval(secs => ${SILENT_SECONDS})
  ORDER BY run_after LIMIT ${MAX_REPORTED}`;

/** Nothing waits for somebody who does not come. */
export const stuckTenants: Check<Diagnosis> = {
  name: NAME,
  look: async ({ catalog }) => {
    const tenants = await catalog.query<StuckTenant>(TENANTS);
    const operations = await catalog.query<SilentOperation>(OPERATIONS);
    const found = [...tenants.rows.map(ofTenant), ...operations.rows.map(ofOperation)];
    return found.length > 0 ? found : [ok(NAME, 'no tenant and no operation waits for anybody')];
  },
};

function ofTenant({ slug, status, operation }: StuckTenant): Finding {
  const remedy = operation === null ? `tenants delete ${slug}` : `operations retry ${operation}`;
  return fail(NAME, `is ${status}, and no operation is under way`, remedy, slug);
}

function ofOperation({ id, kind, subject, status }: SilentOperation): Finding {
  const message = status === 'running' ? 'shows no sign of life' : 'is due, and nobody takes it up';
  return warn(NAME, message, `start a server, or: operations follow ${id}`, `${kind} ${subject}`);
}
