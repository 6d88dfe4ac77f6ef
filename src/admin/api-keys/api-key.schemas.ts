import { z } from 'zod';
import { boundedText } from '../../http/input/bounded-text.js';

const MAX_DAYS = 3650;

export const newApiKeyRequest = z
  .strictObject({
    name: boundedText(100).optional().describe('purpose of the key'),
    expiresInDays: z
      .int()
      .min(1)
      .max(MAX_DAYS)
      .optional()
      .describe('days until it expires; omitted: it does not expire'),
  })
  .meta({ id: 'NewApiKey', example: { name: 'billing service', expiresInDays: 365 } });
export type NewApiKeyRequest = z.infer<typeof newApiKeyRequest>;

export const apiKeyId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of an API key');

const time = z.iso.datetime();

export const apiKeyView = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    impersonatedBy: z
      .string()
      .nullable()
      .describe('operator who works as the tenant with it; null: a key of the tenant'),
    createdAt: time,
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKeyView = z.infer<typeof apiKeyView>;

export const issuedApiKey = apiKeyView
  .extend({ token: z.string().describe('returned only here: only a hash of it is stored') })
  .meta({ id: 'IssuedApiKey' });
export type IssuedApiKey = z.infer<typeof issuedApiKey>;
