import { z } from 'zod';

export const serverConnectionsView = z
  .object({
    server: z.string(),
    max: z.int().nullable().describe('what the server admits; null: it did not answer within 2 seconds'),
    open: z.int().nullable().describe('of all its clients, also of other programs'),
    limit: z.int().nullable().describe('of all instances together; null: not known yet'),
    lent: z.int().describe('what all instances together may have now'),
    instance: z
      .object({
        limit: z.int().describe('of this process'),
        open: z.int(),
        waiting: z.int().describe('connections that would be opened if the limit allowed'),
      })
      .nullable()
      .describe('of the responding process; null: it has not used the server yet'),
  })
  .meta({ id: 'ServerConnections' });
export type ServerConnectionsView = z.infer<typeof serverConnectionsView>;
