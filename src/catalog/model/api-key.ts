import { type BearerKeyParts, newBearerKey, type NewBearerKey, parseBearerKey } from './bearer-key.js';

/** An API key as stored in the catalog. */
export interface ApiKeyRecord {
  readonly tenantId: string;
  readonly secretHash: string;
  readonly isRevoked: boolean;
  /** By the catalog's clock, when it was read. */
  readonly isExpired: boolean;
  /** The name of the operator who works as the tenant with it; absent for the tenant's own keys. */
  readonly impersonatedBy?: string | undefined;
}

export function newApiKey(): NewBearerKey {
  return newBearerKey('tnt');
}

/** Returns the parts of a well-formed key, `tnt_<key id>_<secret>`; null for any other text. */
export function parseApiKey(token: string): BearerKeyParts | null {
  return parseBearerKey('tnt', token);
}
