import { z } from 'zod';
import { COPY_PACES } from '../../database/copy/streams/transfer-meter.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { serverName } from '../tenants/tenant.schemas.js';

export const movePace = z.enum(Object.keys(COPY_PACES) as (keyof typeof COPY_PACES)[]);
export const DEFAULT_PACE = 'considerate';

/** Body of a request to move a tenant. */
export const newMove = z
  .strictObject({
    isolation: z.enum(ISOLATIONS).optional().describe('the isolation at the new place; by default the same'),
    server: serverName.optional().describe('the server of the new place; by default the same'),
    pace: movePace
      .optional()
      .describe(
        '`considerate`, the default: the copy rests as long as it works, for the other tenants of the servers; or `full`',
      ),
  })
  .refine(({ isolation, server }) => isolation !== undefined || server !== undefined, {
    message: 'name an isolation, a server, or both',
  })
  .meta({ id: 'NewMove', example: { isolation: 'database', server: 'eu-2' } });

export type NewMove = z.infer<typeof newMove>;
