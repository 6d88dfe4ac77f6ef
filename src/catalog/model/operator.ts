import { type BearerKeyParts, parseBearerKey } from './bearer-key.js';

/** Each role may do what those before it may. */
export const OPERATOR_ROLES = ['viewer', 'operator', 'admin'] as const;

/** `viewer` reads; `operator` works on tenants; `admin` manages operators, servers and credentials. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** Tenants that are named, and all of some groups. */
export interface TenantSelection {
  readonly tenantIds: readonly string[];
  readonly groups: readonly string[];
}

/** A person or program with rights on the control plane. */
export interface Operator {
  /** Null for a caller with `ADMIN_API_KEY`. */
  readonly id: string | null;
  readonly name: string;
  readonly role: OperatorRole;
  /** The tenants that it may see and work on; undefined: all of them, and what concerns none of them. */
  readonly limitedTo: TenantSelection | undefined;
}

/** A key or a session of an operator, as stored in the catalog. */
export interface OperatorKeyRecord {
  readonly operator: Operator;
  readonly secretHash: string;
  /** The key or the session, or its operator. */
  readonly isRevoked: boolean;
  /** By the catalog's clock, when it was read. */
  readonly isExpired: boolean;
}

/** The caller with `ADMIN_API_KEY`. */
export const ADMIN_KEY_OPERATOR: Operator = Object.freeze({
  id: null,
  name: 'admin key',
  role: 'admin',
  limitedTo: undefined,
});

/** Whether the operator may do what the role may. */
export function hasRole({ role }: Operator, required: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(role) >= OPERATOR_ROLES.indexOf(required);
}

/** Returns the parts of a well-formed key, `adm_<key id>_<secret>`; null for any other text. */
export function parseOperatorKey(token: string): BearerKeyParts | null {
  return parseBearerKey('adm', token);
}

/** The same of a session's token, `ses_<session id>_<secret>`. */
export function parseSessionToken(token: string): BearerKeyParts | null {
  return parseBearerKey('ses', token);
}
