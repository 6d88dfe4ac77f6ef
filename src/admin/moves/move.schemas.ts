import { z } from 'zod';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { serverName } from '../tenants/tenant.schemas.js';

/** Body of a request to move a tenant. */
export const newMove = z
  .strictObject({
    isolation: z.enum(ISOLATIONS).optional().describe('the isolation at the new place; by default the same'),
    server: serverName.optional().describe('the server of the new place; by default the same'),
  })
  .refine(({ isolation, server }) => isolation !== undefined || server !== undefined, {
    message: 'name an isolation, a server, or both',
  })
  .meta({ id: 'NewMove', example: { isolation: 'database', server: 'eu-2' } });

export type NewMove = z.infer<typeof newMove>;
