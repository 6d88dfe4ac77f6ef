import type { Operator } from '../../catalog/model/operator.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import type { TenantScope } from '../context/tenant-context.js';

/** The caller of a request, once its credential is verified. */
export type Caller =
  | { readonly kind: 'anonymous' }
  /** With the admin key or a key of their own. */
  | { readonly kind: 'operator'; readonly operator: Operator }
  /** `rejection` is the reason why the tenant has no scope, if any; tenant routes throw it. */
  | {
      readonly kind: 'tenant';
      readonly tenant: Tenant;
      readonly scope: TenantScope | undefined;
      readonly principal: unknown;
      readonly rejection: unknown;
    }
  /** An invalid credential: public routes ignore it, all others respond with the rejection. */
  | { readonly kind: 'refused'; readonly rejection: unknown };
