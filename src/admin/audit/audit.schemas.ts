import { z } from 'zod';
import { AUDIT_SUBJECT_KINDS } from '../../catalog/entities/audit-entry.entity.js';
import { wholeNumber } from '../../http/input/whole-number.js';

/** Fits a name of 63 characters and the operation kind before it: `rotate-credentials eu-2`. */
const MAX_SUBJECT_LENGTH = 200;

/** The pattern excludes NUL, which PostgreSQL rejects. */
const subject = z
  .string()
  .max(MAX_SUBJECT_LENGTH)
  .regex(/^[\w .:@/-]+$/, 'must be a slug, a name or an id');

export const auditFilter = z.strictObject({
  subject: subject.optional().describe("a tenant's slug or id, a server's name, or the id of any other subject"),
  action: z
    .string()
    .max(63)
    .regex(/^[a-z-]+\.[a-z-]+$/, 'must be an action')
    .optional()
    .describe('for example `tenant.suspend`'),
  limit: wholeNumber(1, 1000).default(100).describe('maximum number of entries to return'),
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,17}$/, 'must be the nextCursor of another page')
    .optional()
    .describe('`nextCursor` of the previous page'),
});
export type AuditFilter = z.infer<typeof auditFilter>;

const auditEntryView = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    actor: z.string().describe('who made the change'),
    actorId: z
      .guid()
      .nullable()
      .describe("the operator's id, which no other operator gets, unlike its name; null for other actors"),
    address: z.string().nullable().describe('of the HTTP client; null for the command line and for earlier releases'),
    requestId: z.string().nullable().describe('`X-Request-Id` of the HTTP response, as in the log'),
    action: z.string(),
    subjectKind: z.enum(AUDIT_SUBJECT_KINDS),
    subjectId: z.string(),
    subject: z.string().describe("the subject's name at that time"),
    tenantId: z.guid().nullable().describe('the tenant that it is about; null: none, or several'),
    refusedAttempts: z.number().int().nullable().describe('how many attempts the entry stands for; null for a change'),
    before: z.record(z.string(), z.unknown()).nullable().describe('changed fields only, never secrets'),
    after: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntryView = z.infer<typeof auditEntryView>;

export const auditPage = z.object({ items: z.array(auditEntryView), nextCursor: z.string().nullable() });
export type AuditPage = z.infer<typeof auditPage>;
