import { isIP } from 'node:net';
import type { Tenant } from '../../catalog/model/tenant.js';
import { type HttpRequest, nodeRequest } from '../../http/requests/http-request.js';

/** The ways in which a request names its tenant, besides its credential. They only select, and must agree with it. */
export interface TenantSelectors {
  /** Lower-case, without port; undefined for IP addresses and single-label names such as `localhost`. */
  readonly host: string | undefined;
  /** What precedes `TENANT_BASE_DOMAIN` in the host: `acme`. Undefined without a base domain, and for other hosts. */
  readonly subdomain: string | undefined;
  /** Slug or id, from `X-Tenant-ID`. */
  readonly header: string | undefined;
  /** Slug or id, from `/t/<tenant>/…`. */
  readonly path: string | undefined;
}

const TENANT_PATH = /^\/t\/([^/?#]*)(?=[/?#]|$)/;

const PATH = Symbol.for('tenantry/tenant-path');

interface RequestWithPath {
  [PATH]?: string;
}

/** Fastify's `rewriteUrl`: removes `/t/<tenant>`, which is in no route, and keeps it for identification. */
export function rewriteTenantPath(request: { url?: string | undefined }): string {
  const { path, rest } = splitTenantPath(request.url ?? '/');
  if (path !== undefined) (request as RequestWithPath)[PATH] = path;
  return rest;
}

/** @param baseDomain the value of `TENANT_BASE_DOMAIN` */
export function selectorsOf(request: HttpRequest, baseDomain: string | undefined): TenantSelectors {
  const header = request.headers['x-tenant-id'];
  const host = selectableHost(request.headers.host);
  return {
    host,
    subdomain: subdomainOf(host, baseDomain),
    header: Array.isArray(header) ? header.join(',') : header,
    path: (nodeRequest(request) as RequestWithPath)[PATH],
  };
}

/** Splits `/t/<tenant>/api/…` into the tenant and the path that the routes match. */
function splitTenantPath(url: string): { readonly path: string | undefined; readonly rest: string } {
  const match = TENANT_PATH.exec(url);
  if (!match) return { path: undefined, rest: url };
  const rest = url.slice(match[0].length);
  return { path: decode(match[1] ?? ''), rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The host if a tenant may own it: `acme.example.com` for `acme.example.com:3000`, undefined for `127.0.0.1`. */
function selectableHost(header: string | undefined): string | undefined {
  const host = header?.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  if (!host || host.startsWith('[') || isIP(host) || !host.includes('.')) return undefined;
  return host;
}

/** `acme` for `acme.example.com` under `example.com`; undefined for a host that is not under the base domain. */
function subdomainOf(host: string | undefined, baseDomain: string | undefined): string | undefined {
  if (host === undefined || baseDomain === undefined || !host.endsWith(`.${baseDomain}`)) return undefined;
  return host.slice(0, -baseDomain.length - 1);
}

/** Whether a selector is the tenant's slug or id. */
export function selects(selector: string, tenant: Tenant): boolean {
  const selected = selector.toLowerCase();
  return selected === tenant.slug || selected === tenant.id;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not a slug either way: it matches no tenant
  }
}
