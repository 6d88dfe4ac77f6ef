import type { Tenant } from '../../catalog/model/tenant.js';
import type { TenantScope } from '../context/tenant-context.js';

/** Who a request comes from, once its credential is verified. */
export type Caller =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'admin' }
  /** `rejection` is why the tenant is not served at the moment; routes that need it throw it. */
  | {
      readonly kind: 'tenant';
      readonly tenant: Tenant;
      readonly scope: TenantScope | undefined;
      readonly rejection: unknown;
    }
  /** A credential was given and is not good: public routes do not care, all others answer with the reason. */
  | { readonly kind: 'refused'; readonly rejection: unknown };
