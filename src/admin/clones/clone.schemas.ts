import { z } from 'zod';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { domains, limits, serverName, slug } from '../tenants/tenant.schemas.js';

/** Body of a request to clone a tenant. */
export const newClone = z
  .strictObject({
    slug: slug.describe('slug of the new tenant'),
    isolation: z.enum(ISOLATIONS).optional().describe('by default that of the tenant that is cloned'),
    server: serverName
      .optional()
      .describe('name of the server for its data; by default that of the tenant that is cloned'),
    limits: limits.default({}).describe('each one replaces that of the tenant that is cloned'),
    domains: domains.default([]),
    masked: z.boolean().default(false).describe('whether the masks that the application declares replace values'),
  })
  .meta({ id: 'NewClone', example: { slug: 'hooli-staging', isolation: 'schema', masked: true } });

export type NewClone = z.infer<typeof newClone>;
