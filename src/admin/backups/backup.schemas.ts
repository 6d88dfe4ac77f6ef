import { z } from 'zod';
import { BACKUP_STATES } from '../../catalog/entities/backup.entity.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { pageOf, pageQuery } from '../../http/input/page.js';
import { serverName, slug } from '../tenants/tenant.schemas.js';

const tenant = z
  .string()
  .max(63)
  .regex(/^[a-z\d-]+$/i, "must be a tenant's slug or id");

export const backupFilter = pageQuery.extend({
  tenant: tenant.optional().describe("a tenant's slug or id; of a deleted tenant, its id"),
});
export type BackupFilter = z.infer<typeof backupFilter>;

/** Body of a request to back a tenant up. */
export const newBackup = z
  .strictObject({ tenant: tenant.describe("the tenant's slug or id") })
  .meta({ id: 'NewBackup', example: { tenant: 'hooli' } });
export type NewBackup = z.infer<typeof newBackup>;

/** Body of a request to restore a backup, over the tenant that was backed up or as another one. */
export const newRestore = z
  .strictObject({
    as: slug.optional().describe('slug of the new tenant; without it, the tenant that was backed up gets the rows'),
    isolation: z
      .enum(ISOLATIONS)
      .optional()
      .describe('by default that of the tenant; a tenant of shared tables gets a schema where it has the rows itself'),
    server: serverName.optional().describe('name of the server for the rows; by default that of the tenant'),
  })
  .meta({ id: 'NewRestore', example: { as: 'hooli-yesterday' } });
export type NewRestore = z.infer<typeof newRestore>;

const backupView = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    tenant: z.string().nullable().describe("the tenant's slug; null once it is deleted"),
    operationId: z.string(),
    objectKey: z.string().describe('below `BACKUP_URL`'),
    state: z.enum(BACKUP_STATES).describe('`kept` once it was read back; `unreadable` once its tenant is deleted'),
    takenAt: z.iso.datetime().nullable().describe('of the snapshot: what was committed later is not in it'),
    bytes: z.number().int().nullable(),
    rows: z.number().int().nullable(),
    schemaVersion: z.string().nullable(),
    verifiedAt: z.iso.datetime().nullable().describe('when it was read back'),
    drilledAt: z.iso.datetime().nullable().describe('when it was last restored for a trial'),
    expiresAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Backup' });
export type BackupView = z.infer<typeof backupView>;

export const backupPage = pageOf(backupView);
