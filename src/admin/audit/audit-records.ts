import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { inReach, reachParameters } from '../../tenant/operators/tenant-reach.js';
import type { AuditEntryView, AuditFilter, AuditPage } from './audit.schemas.js';

type Row = Omit<AuditEntryView, 'at'> & { readonly at: Date };

/**
 * $1 is an id or a name. A tenant's id also finds entries that have only the tenant's slug, or the pseudonym of a deleted
 * tenant, such as those of its API keys. A name also finds the operations on it, whose subject has the form `delete acme`.
 */
const LIST = `
  SELECT id, at, actor, address, request_id AS "requestId", action, subject_kind AS "subjectKind", subject_id AS "subjectId", subject, refused_attempts AS "refusedAttempts",
    before, after
  FROM audit_log
  WHERE ($1::text IS NULL OR subject_id = $1 OR subject = $1
         OR subject_kind = 'operation' AND right(subject, length($1) + 1) = ' ' || $1
         OR subject_kind <> 'server' AND subject = (SELECT slug FROM tenants WHERE id::text = $1)
         OR subject_kind <> 'server' AND $1 ~ '^[0-9a-f]{8}-' AND subject = catalog_pseudonym($1))
    AND ($2::text IS NULL OR action = $2) AND ($3::bigint IS NULL OR id < $3)
    AND ($5::uuid[] IS NULL OR EXISTS (SELECT FROM tenants t WHERE ${inReach('t', 5)} AND subject_kind <> 'server'
      AND (subject_id = t.id::text OR subject = t.slug OR subject_kind = 'operation' AND subject LIKE '% ' || t.slug)))
  ORDER BY id DESC LIMIT $4`;

/** Reads the audit log. */
@Injectable()
export class AuditRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Newest first. @param limitedTo the tenants whose entries the caller may see; undefined: all entries */
  async list({ subject, action, cursor, limit }: AuditFilter, limitedTo?: TenantSelection): Promise<AuditPage> {
    const reach = reachParameters(limitedTo);
    const rows = await this.catalog.query<Row[]>(LIST, [subject, action, cursor, limit + 1, ...reach]);
    const items = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }
}
