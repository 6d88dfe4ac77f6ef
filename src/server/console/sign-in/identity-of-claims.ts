import { z } from 'zod';
import type { ProviderIdentity, ProviderRights } from '../../../admin/operators/provider-identity.js';
import { OPERATOR_ROLES } from '../../../catalog/model/operator.js';
import type { OidcConfig } from '../../../platform/config/app-config.js';
import { isPlainObject } from '../../../platform/is-plain-object.js';

type Claims = Readonly<Record<string, unknown>>;

const text = z.string().min(1).max(255);
/** Some providers send a single role without a list. What else is in the list means nothing here. */
const values = z.union([z.string().transform((value) => [value]), z.array(z.unknown())]).catch([]);

/** What the provider's claims mean here. @throws ZodError for a subject that is none */
export function identityOf(claims: Claims, oidc: OidcConfig): ProviderIdentity {
  return {
    issuer: oidc.issuer,
    subject: text.parse(claims['sub']),
    name: text.safeParse(claimOf(claims, oidc.nameClaim)).data,
    rights: rightsOf(new Set(values.parse(claimOf(claims, oidc.rolesClaim))), oidc),
  };
}

/** The claim of that name; else the one at that path. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name
    .split('.')
    .reduce<unknown>(
      (value, part) => (isClaims(value) && Object.hasOwn(value, part) ? value[part] : undefined),
      claims,
    );
}

/** The highest role; without limits where one of its values has none, else for the groups of all of them. */
function rightsOf(held: ReadonlySet<unknown>, { roles }: OidcConfig): ProviderRights | undefined {
  const given = roles.filter(({ value }) => held.has(value));
  const role = OPERATOR_ROLES.findLast((candidate) => given.some((entry) => entry.role === candidate));
  if (role === undefined) return undefined;
  const limits = given.filter((entry) => entry.role === role).map(({ groups }) => groups);
  if (limits.includes(undefined)) return { role, groups: undefined };
  return { role, groups: [...new Set(limits.flatMap((groups) => groups ?? []))].toSorted() };
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && isPlainObject(value);
}
