import { z } from 'zod';

/** The tenants of an operation, by server. Ids only: a slug in it would outlive its tenant. */
export const batchInput = z.object({
  servers: z.array(z.object({ serverId: z.guid(), tenantIds: z.array(z.guid()) })),
});
export type BatchInput = z.infer<typeof batchInput>;
