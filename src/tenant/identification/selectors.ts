import { isIP } from 'node:net';
import type { Tenant } from '../../catalog/model/tenant.js';

/** What a request says about the tenant it is for, besides its credential. It only selects, and must agree. */
export interface TenantSelectors {
  /** Lower-case, without port; undefined for IP addresses and single-label names such as `localhost`. */
  readonly host: string | undefined;
  /** Slug or id, from `X-Tenant-ID`. */
  readonly header: string | undefined;
  /** Slug or id, from `/t/<tenant>/…`. */
  readonly path: string | undefined;
}

const TENANT_PATH = /^\/t\/([^/?#]*)(?=[/?#]|$)/;

/** Splits `/t/<tenant>/api/…` into the tenant it names and the path the routes know. */
export function splitTenantPath(url: string): { readonly path: string | undefined; readonly rest: string } {
  const match = TENANT_PATH.exec(url);
  if (!match) return { path: undefined, rest: url };
  const rest = url.slice(match[0].length);
  return { path: decode(match[1] ?? ''), rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The host a tenant may own: `acme.example.com:3000` gives `acme.example.com`, `127.0.0.1` gives nothing. */
export function selectableHost(header: string | undefined): string | undefined {
  const host = header?.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  if (!host || host.startsWith('[') || isIP(host) || !host.includes('.')) return undefined;
  return host;
}

/** The first label of a host: the slug, when the host is a tenant's sub-domain. */
export function subdomain(host: string): string {
  return host.slice(0, host.indexOf('.'));
}

/** Whether a selector, slug or id, is the tenant's. */
export function names(selector: string, tenant: Tenant): boolean {
  const selected = selector.toLowerCase();
  return selected === tenant.slug || selected === tenant.id;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not a slug either way: it names nobody and so agrees with nobody
  }
}
