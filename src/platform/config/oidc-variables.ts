import { z } from 'zod';
import { parsed } from './variable-types.js';

// Types of the variables of operators' sign-in. As with all variables, errors state what was expected, never the value.

const MAX_ROLES = 200;
/** As the control plane names groups of tenants. */
const GROUP = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** What a value of the claim with the roles means: a role, for all tenants or for those of some groups. */
export interface RoleOfClaim {
  readonly value: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  /** Undefined: not limited. */
  readonly groups: readonly string[] | undefined;
}

/** What is sent there, secrets among it, must not be readable on the way: plain HTTP is for this machine alone. */
function isProtected({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
}

export const issuerUrl = z
  .string()
  .refine(
    (text) => /^\S+$/.test(text) && !/[?#]/.test(text) && URL.canParse(text) && isProtected(new URL(text)),
    'an https:// URL without user, query or fragment, or http:// on this machine',
  );

/** Parses it to its origin. */
export const publicUrl = parsed(
  'https://host or https://host:port without a path, or http:// on this machine',
  (text) => {
    const address = /^\S+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    if (!address || !isProtected(address)) return undefined;
    return [address.origin, `${address.origin}/`].includes(text) ? address.origin : undefined;
  },
);

export const claimName = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'the name of a claim without whitespace');

/** Source: RFC 6749 §3.3, and OpenID Connect Core §3.1.2.1 for `openid`. */
export const scopeList = z
  .string()
  .refine(
    (scopes) => /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scopes) && hasOpenId(scopes),
    'scopes separated by single spaces, openid among them',
  );

function hasOpenId(scopes: string): boolean {
  return scopes.split(' ').includes('openid');
}

export const rolesOfClaims = parsed(
  `value=role or value=role@group+group, comma-separated, each value once, at most ${MAX_ROLES}; the roles are viewer, operator and admin, and admin has no groups`,
  (list): readonly RoleOfClaim[] | undefined => {
    const entries = list.split(',').map((entry) => roleOfClaim(entry.trim()));
    const known = entries.filter((entry) => entry !== undefined);
    const isUnique = new Set(known.map(({ value }) => value)).size === known.length;
    return known.length === entries.length && isUnique && known.length <= MAX_ROLES ? known : undefined;
  },
);

/** The role follows the last `=`, so that values may be distinguished names. */
function roleOfClaim(entry: string): RoleOfClaim | undefined {
  const [, value, role, limits] =
    /^([^\p{C}]{1,255})=(viewer|operator|admin)(?:@([a-z0-9+-]{1,1000}))?$/u.exec(entry) ?? [];
  if (value === undefined) return undefined;
  const groups = limits?.split('+');
  if (groups && (role === 'admin' || !groups.every((group) => GROUP.test(group)))) return undefined;
  return { value, role: role as RoleOfClaim['role'], groups };
}
