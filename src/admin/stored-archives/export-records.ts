import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ExportEntity } from '../../catalog/entities/export.entity.js';
import { type Page, toPage } from '../../http/input/page.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import type { ExportFilter, ExportView } from './export.schemas.js';

/** An export whose bytes are in the store. */
export interface WrittenExport {
  readonly takenAt: string;
  readonly bytes: number;
  readonly rows: number;
  readonly sha256: string;
}

/** An export that was read back. */
export type KeptExport = ExportView & { readonly bytes: number; readonly takenAt: string };

type Row = ExportEntity & { readonly tenant: string | null };

const FIND = `
  SELECT e.id, e.tenant_id AS "tenantId", t.slug AS tenant, e.object_key AS "objectKey", e.recipients, e.state,
         e.taken_at AS "takenAt", e.bytes, e.rows, e.sha256, e.expires_at AS "expiresAt", e.created_at AS "createdAt"
  FROM exports e LEFT JOIN tenants t ON t.id = e.tenant_id`;

const LIST = `${FIND}
  WHERE ($1::uuid IS NULL OR e.tenant_id = $1) AND ($2::text IS NULL OR t.slug = $2)
    AND ($3::timestamptz IS NULL OR (e.created_at, e.id) < ($3, $4::uuid))
  ORDER BY e.created_at DESC, e.id DESC LIMIT $5`;

/** The rows of exports. */
@Injectable()
export class ExportRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Newest first. */
  async list({ tenant, ...page }: ExportFilter): Promise<Page<ExportView>> {
    const { id, slug } = { id: null, slug: null, ...(tenant !== undefined && parseSlugOrId(tenant)) };
    const { createdAt = null, id: after = null } = page.cursor ?? {};
    const rows = await this.catalog.query<Row[]>(LIST, [id, slug, createdAt, after, page.limit + 1]);
    return toPage(rows, page, toView);
  }

  /** @throws NotFoundError */
  async read(id: string): Promise<ExportView> {
    const [row] = await this.catalog.query<Row[]>(`${FIND} WHERE e.id = $1`, [id]);
    if (!row) throw new NotFoundError('export');
    return toView(row);
  }

  /** @throws NotFoundError, ConflictError when it was not read back */
  async kept(id: string): Promise<KeptExport> {
    const { state, bytes, takenAt, ...found } = await this.read(id);
    if (state !== 'kept' || bytes === null || takenAt === null) {
      throw new ConflictError(`the export is ${state}: its operation has not succeeded`);
    }
    return { ...found, state, bytes, takenAt };
  }

  /** Before its object exists, so that an object never is without a row. */
  async begin({ id, tenantId, objectKey, recipients }: NewRow): Promise<void> {
    await this.catalog.query(
      `INSERT INTO exports (id, tenant_id, object_key, recipients, state) VALUES ($1, $2, $3, $4, 'writing')
       ON CONFLICT (id) DO UPDATE SET state = 'writing'`,
      [id, tenantId, objectKey, recipients],
    );
  }

  /** From now on it can be read. @throws ConflictError when its row is gone */
  async keep(id: string, { takenAt, bytes, rows, sha256 }: WrittenExport, keptDays: number): Promise<void> {
    const [, changed] = await this.catalog.query<[unknown, number]>(
      `UPDATE exports SET state = 'kept', taken_at = $2, bytes = $3, rows = $4, sha256 = $5,
         expires_at = $2::timestamptz + make_interval(days => $6) WHERE id = $1`,
      [id, takenAt, bytes, rows, sha256, keptDays],
    );
    if (changed !== 1) throw new ConflictError('the export was removed meanwhile');
  }
}

type NewRow = Pick<ExportEntity, 'id' | 'tenantId' | 'objectKey' | 'recipients'>;

function toView({ bytes, rows, takenAt, expiresAt, createdAt, ...row }: Row): ExportView {
  return {
    ...row,
    bytes: bytes === null ? null : Number(bytes),
    rows: rows === null ? null : Number(rows),
    takenAt: takenAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
