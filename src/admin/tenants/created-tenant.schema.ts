import { z } from 'zod';
import { operationView } from '../operations/operation.schemas.js';
import { tenantView } from './tenant.schemas.js';

export const createdTenantView = z
  .object({ tenant: tenantView, operation: operationView.describe('the operation that provisions the tenant') })
  .meta({ id: 'CreatedTenant' });
export type CreatedTenantView = z.infer<typeof createdTenantView>;
