import { z } from 'zod';
import { EXPORT_STATES } from '../../catalog/entities/export.entity.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { pageOf, pageQuery } from '../../http/input/page.js';
import { isObjectKey } from '../../object-store/object-key.js';
import { isUuid } from '../../platform/uuid.js';
import { serverName, slug } from '../tenants/tenant.schemas.js';

const MAX_RECIPIENTS = 20;
/** Where archives of the store are that can be imported by their key. */
const IMPORTABLE = /^(exports|imports)\//;

const recipient = z
  .string()
  .max(4_000)
  .regex(/^age1[a-z0-9]+$/, "must be a recipient of age, such as `archives recipient` prints: 'age1…'");

/** Body of a request to export a tenant. Passphrases are not taken: operations are stored. */
export const newExport = z
  .strictObject({
    recipients: z
      .array(recipient)
      .min(1)
      .max(MAX_RECIPIENTS)
      .optional()
      .describe('who can read it: public keys of age; by default this installation'),
  })
  .meta({
    id: 'NewExport',
    example: { recipients: ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'] },
  });
export type NewExport = z.infer<typeof newExport>;

/** Body of a request to make a tenant of an archive in the store. */
export const newImport = z
  .strictObject({
    from: z
      .string()
      .refine(
        (text) => isUuid(text) || (IMPORTABLE.test(text) && isObjectKey(text)),
        'must be the id of an export, or the key of an object under exports/ or imports/',
      )
      .describe('id of an export, or key of an object under `exports/` or `imports/` of the store'),
    as: slug.describe('slug of the new tenant'),
    isolation: z.enum(ISOLATIONS).optional().describe('by default that of the tenant in the archive'),
    server: serverName.optional().describe('name of the server for its data; by default the server of the catalog'),
  })
  .meta({ id: 'NewImport', example: { from: 'imports/hooli.age', as: 'hooli-2', isolation: 'schema' } });
export type NewImport = z.infer<typeof newImport>;

export const exportFilter = pageQuery.extend({
  tenant: z
    .string()
    .max(63)
    .regex(/^[a-z\d-]+$/i, "must be a tenant's slug or id")
    .optional()
    .describe("a tenant's slug or id"),
});
export type ExportFilter = z.infer<typeof exportFilter>;

export const exportView = z
  .object({
    id: z.guid().describe('also of the operation that has written it'),
    tenantId: z.guid(),
    tenant: z.string().nullable().describe("the tenant's slug; null once it is deleted"),
    objectKey: z.string().describe('below `BACKUP_URL`'),
    recipients: z.array(z.string()).describe('who can read it'),
    state: z.enum(EXPORT_STATES).describe('`kept` once it was read back'),
    takenAt: z.iso.datetime().nullable().describe('of the snapshot: what was committed later is not in it'),
    bytes: z.number().int().nullable(),
    rows: z.number().int().nullable(),
    sha256: z.string().nullable().describe('of its content, in hexadecimal digits'),
    expiresAt: z.iso.datetime().nullable().describe('from then on it is removed; null before it was read back'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Export' });
export type ExportView = z.infer<typeof exportView>;

export const exportPage = pageOf(exportView);
