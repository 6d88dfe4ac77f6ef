import type { KeyRing } from '../../src/platform/encryption/key-ring.js';
import { TenantCarriers } from '../../src/tenant/carrier/tenant-carriers.js';
import { TenantContext } from '../../src/tenant/context/tenant-context.js';
import { AFTER } from './encryption/rings.js';

/** As Nest makes it, for tests of what runs in a context. */
export function newTenantContext(ring: KeyRing = AFTER): TenantContext {
  return new TenantContext(new TenantCarriers(ring));
}
