import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { isUuid } from '../../platform/uuid.js';
import { inReach, reachParameters } from '../../tenant/operators/tenant-reach.js';
import type { AuditEntryView, AuditFilter, AuditPage } from './audit.schemas.js';

type Row = Omit<AuditEntryView, 'at'> & { readonly at: Date };

const COLUMNS = `
  id, at, actor, actor_id AS "actorId", address, request_id AS "requestId", action, subject_kind AS "subjectKind",
  subject_id AS "subjectId", subject, tenant_id AS "tenantId", refused_attempts AS "refusedAttempts", before, after`;

/**
 * The newest entries of one kind, by their index: $1 is an action, $2 the cursor, $3 how many. Each kind is cut to a page before
 * kinds are put together, so that no list compares each entry of the log with each tenant.
 */
const newest = (where: string): string => `
  (SELECT id FROM audit_log a WHERE ${where} AND ($1::text IS NULL OR action = $1) AND ($2::bigint IS NULL OR id < $2)
   ORDER BY id DESC LIMIT $3)`;

const ALL = newest('true');

const IN_REACH = `
  SELECT e.id FROM tenants t CROSS JOIN LATERAL ${newest('a.tenant_id = t.id')} e WHERE ${inReach('t', 4)}`;

/**
 * $6 is an id or a name, and $7 the id if it is one. A tenant's id and slug also find what has to do with it otherwise, such as its
 * API keys and operations. A name also finds the operations on it that are no tenant's, whose subject has the form `drain eu-2`.
 */
const ABOUT = [
  'subject_id = $6',
  'subject = $6',
  'tenant_id = coalesce($7::uuid, (SELECT id FROM tenants WHERE slug = $6))',
  `subject_kind = 'operation' AND tenant_id IS NULL AND substr(subject, strpos(subject, ' ') + 1) = $6`,
]
  .map((about) =>
    newest(`${about} AND ($4::uuid[] IS NULL OR tenant_id IN (SELECT t.id FROM tenants t WHERE ${inReach('t', 4)}))`),
  )
  .join(' UNION ');

const pageOf = (ids: string): string => `
  SELECT ${COLUMNS} FROM audit_log
  WHERE id IN (SELECT id FROM (${ids}) AS found ORDER BY id DESC LIMIT $3) ORDER BY id DESC`;

/** Reads the audit log. */
@Injectable()
export class AuditRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Newest first. @param limitedTo the tenants whose entries the caller may see; undefined: all entries */
  async list(filter: AuditFilter, limitedTo?: TenantSelection): Promise<AuditPage> {
    const rows = await this.read(filter, limitedTo);
    const { limit } = filter;
    const items = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  private read({ subject, action, cursor, limit }: AuditFilter, limitedTo?: TenantSelection): Promise<Row[]> {
    const page = [action, cursor, limit + 1];
    const reach = reachParameters(limitedTo);
    if (subject !== undefined) {
      return this.catalog.query(pageOf(ABOUT), [...page, ...reach, subject, isUuid(subject) ? subject : null]);
    }
    return limitedTo
      ? this.catalog.query(pageOf(IN_REACH), [...page, ...reach])
      : this.catalog.query(pageOf(ALL), page);
  }
}
