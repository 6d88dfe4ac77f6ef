import { PublicError } from '../../platform/errors/public-error.js';
import type { Exceeded } from './request-limits.js';

/** Raised for a request above its tenant's limit per second or per day. */
export class TenantRateLimitedError extends PublicError {
  constructor(exceeded: Exceeded, retryAfterSeconds: number) {
    super('RATE_LIMITED', `this tenant has sent more requests than its limit per ${exceeded} admits`, {
      retryAfterSeconds,
    });
  }
}

/** Raised for a statement that adds rows, of a tenant that has stored as much as its limit admits. */
export class TenantStorageLimitError extends PublicError {
  constructor(readonly exceeded: 'bytes' | 'rows') {
    super(
      'STORAGE_LIMIT',
      `this tenant has reached its limit of stored ${exceeded}: rows can be read, changed and deleted, and added again once there is room`,
    );
  }
}
