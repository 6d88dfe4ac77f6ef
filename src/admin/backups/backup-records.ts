import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { BackupEntity } from '../../catalog/entities/backup.entity.js';
import { type Page, toPage } from '../../http/input/page.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import type { BackupFilter, BackupView } from './backup.schemas.js';

/** A backup that was read back. */
export interface VerifiedBackup {
  readonly takenAt: string;
  readonly bytes: number;
  readonly rows: number;
  readonly schemaVersion: string | null;
}

type Row = BackupEntity & { readonly tenant: string | null };

const LIST = `
  SELECT b.id, b.tenant_id AS "tenantId", t.slug AS tenant, b.operation_id AS "operationId", b.object_key AS "objectKey",
         b.state, b.taken_at AS "takenAt", b.bytes, b.rows, b.schema_version AS "schemaVersion",
         b.verified_at AS "verifiedAt", b.drilled_at AS "drilledAt", b.expires_at AS "expiresAt", b.created_at AS "createdAt"
  FROM backups b LEFT JOIN tenants t ON t.id = b.tenant_id
  WHERE ($1::uuid IS NULL OR b.tenant_id = $1) AND ($2::text IS NULL OR t.slug = $2)
    AND ($3::timestamptz IS NULL OR (b.created_at, b.id) < ($3, $4::uuid))
  ORDER BY b.created_at DESC, b.id DESC LIMIT $5`;

/** The rows of backups. */
@Injectable()
export class BackupRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Newest first. */
  async list({ tenant, ...page }: BackupFilter): Promise<Page<BackupView>> {
    const { id, slug } = { id: null, slug: null, ...(tenant !== undefined && parseSlugOrId(tenant)) };
    const { createdAt = null, id: after = null } = page.cursor ?? {};
    const rows = await this.catalog.query<Row[]>(LIST, [id, slug, createdAt, after, page.limit + 1]);
    return toPage(rows, page, toView);
  }

  /** Before its object exists, so that an object never is without a row. */
  async begin(backup: Pick<BackupEntity, 'id' | 'tenantId' | 'operationId' | 'objectKey'>): Promise<void> {
    const { id, tenantId, operationId, objectKey } = backup;
    await this.catalog.query(
      `INSERT INTO backups (id, tenant_id, operation_id, object_key, state) VALUES ($1, $2, $3, $4, 'writing')
       ON CONFLICT (id) DO UPDATE SET state = 'writing'`,
      [id, tenantId, operationId, objectKey],
    );
  }

  /** From now on it counts. @throws ConflictError when its row is gone, or its tenant was deleted */
  async keep(id: string, { takenAt, bytes, rows, schemaVersion }: VerifiedBackup, keptDays: number): Promise<void> {
    const [, changed] = await this.catalog.query<[unknown, number]>(
      `UPDATE backups SET state = 'kept', taken_at = $2, bytes = $3, rows = $4, schema_version = $5, verified_at = now(),
         expires_at = $2::timestamptz + make_interval(days => $6) WHERE id = $1 AND state IN ('writing', 'kept')`,
      [id, takenAt, bytes, rows, schemaVersion, keptDays],
    );
    if (changed !== 1) throw new ConflictError('the backup was removed meanwhile');
  }

  /** A backup that counts. @throws NotFoundError, ConflictError (it was not read back, or its tenant is deleted) */
  async kept(id: string): Promise<BackupEntity> {
    const backup = await this.catalog.getRepository(BackupEntity).findOneBy({ id });
    if (!backup) throw new NotFoundError('backup');
    if (backup.state !== 'kept') {
      throw new ConflictError(`the backup is ${backup.state}: only one that was read back is restored`);
    }
    return backup;
  }

  /** The newest backup of a tenant that counts. @throws NotFoundError */
  async newest(tenantId: string): Promise<BackupEntity> {
    const where = { tenantId, state: 'kept' } as const;
    const backup = await this.catalog.getRepository(BackupEntity).findOne({ where, order: { takenAt: 'DESC' } });
    if (!backup) throw new NotFoundError('backup');
    return backup;
  }

  async drilled(id: string): Promise<void> {
    await this.catalog.getRepository(BackupEntity).update(id, { drilledAt: () => 'now()' });
  }
}

function toView({ bytes, rows, takenAt, verifiedAt, drilledAt, expiresAt, createdAt, ...row }: Row): BackupView {
  return {
    ...row,
    bytes: bytes === null ? null : Number(bytes),
    rows: rows === null ? null : Number(rows),
    takenAt: takenAt?.toISOString() ?? null,
    verifiedAt: verifiedAt?.toISOString() ?? null,
    drilledAt: drilledAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
