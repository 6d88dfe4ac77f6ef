import { z } from 'zod';

export const instanceView = z
  .object({
    id: z.string().describe('of one start of one process; its connections carry it in `application_name`'),
    name: z.string().describe("`INSTANCE_NAME`, else its host's"),
    pid: z.int(),
    worker: z.int().nullable().describe('its number; null without `WORKERS`'),
    startedAt: z.iso.datetime(),
    seenAt: z.iso.datetime().describe('its last sign of life; it gives one every second'),
    isSilent: z.boolean().describe('no sign of life for 10 seconds: it is dead, frozen, or cut off from the catalog'),
    servers: z.array(
      z.object({
        server: z.string(),
        lent: z.int().describe('connections that it may have'),
        needed: z.int().describe('those that it could use'),
        open: z.int().describe("tenants', as it has last said"),
        waiting: z.int().describe('connections that it would open if more were lent'),
      }),
    ),
  })
  .meta({ id: 'Instance' });
export type InstanceView = z.infer<typeof instanceView>;
