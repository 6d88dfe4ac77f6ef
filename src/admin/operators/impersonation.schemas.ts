import { z } from 'zod';
import { boundedText } from '../../http/input/bounded-text.js';

const MAX_MINUTES = 60;

export const newImpersonation = z
  .strictObject({
    reason: boundedText(500).describe('why you work as the tenant; in the audit log'),
    minutes: z.int().min(1).max(MAX_MINUTES).default(15).describe('until the token expires'),
  })
  .meta({ id: 'NewImpersonation', example: { reason: 'ticket 4711: an order is missing', minutes: 15 } });
export type NewImpersonation = z.infer<typeof newImpersonation>;

export const impersonationView = z
  .object({
    keyId: z.string().describe('to revoke it before it expires, as an API key of the tenant'),
    token: z.string().describe("authenticates as the tenant's API keys do; returned only here"),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'Impersonation' });
export type ImpersonationView = z.infer<typeof impersonationView>;
