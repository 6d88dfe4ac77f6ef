import type { OidcConfig } from '../../platform/config/app-config.js';
import { readCookie } from '../../http/requests/cookies.js';
import type { HttpRequest } from '../../http/requests/http-request.js';

/**
 * Header that a request of the console has, and one that a foreign page causes has not: a page of another origin may only add it
 * where this application permits it with CORS.
 */
const CONSOLE_HEADER = 'x-tenantry-console';

/**
 * Name of a cookie of this host alone. `__Host-`: a browser takes it only over TLS, with `Secure` and without `Domain`, so that no
 * page of a sibling domain, a tenant's for example, can set it. Source: RFC 6265bis §4.1.3.2.
 */
export function hostCookie(name: string, { publicOrigin }: Pick<OidcConfig, 'publicOrigin'>): string {
  return isSecure(publicOrigin) ? `__Host-${name}` : name;
}

/** The attributes that every cookie of the sign-in has. */
export function cookieAttributes(publicOrigin: string, sameSite: 'Strict' | 'Lax', maxAgeSeconds: number): string {
  return `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=${sameSite}${isSecure(publicOrigin) ? '; Secure' : ''}`;
}

export function sessionCookie(oidc: Pick<OidcConfig, 'publicOrigin'>): string {
  return hostCookie('tenantry-session', oidc);
}

/** The token of an operator's session that a request of the console brings; undefined where a foreign page may have caused it. */
export function sessionTokenOf({ headers }: HttpRequest, oidc: OidcConfig): string | undefined {
  if (headers[CONSOLE_HEADER] === undefined) return undefined;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return undefined;
  return readCookie(headers.cookie, sessionCookie(oidc));
}

/** Plain HTTP is for this machine alone, which the configuration has checked. */
function isSecure(publicOrigin: string): boolean {
  return publicOrigin.startsWith('https:');
}
