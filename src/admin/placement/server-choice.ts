import { type Labels, lackingLabels } from '../../catalog/model/labels.js';
import { FleetScale, type ScaledServer } from './fleet-scale.js';

/** A server, and what is known of its room. */
export interface PlacementServer extends ScaledServer {
  readonly id: string;
  readonly name: string;
  /** Null: the catalog's server. */
  readonly host: string | null;
  readonly draining: boolean;
  readonly labels: Labels;
  readonly maxTenants: number | null;
  readonly maxBytes: number | null;
  /** That instances have reported to need now. */
  readonly neededConnections: number;
}

/** A tenant that is to be placed. */
export interface PlacementWish {
  /** That its server must have. */
  readonly labels: Labels;
  /** That it brings. */
  readonly bytes: number;
  /** Servers on which it cannot be placed, and why. */
  readonly unfit?: ReadonlyMap<string, 'rights' | 'source'>;
}

/** Why a server is not chosen. */
export const EXCLUSIONS = ['source', 'draining', 'labels', 'rights', 'tenants', 'bytes'] as const;
export type Exclusion = (typeof EXCLUSIONS)[number];

/** What was found of a server: why it is left out, or its load with the need for connections. The least is chosen. */
export type Consideration = { readonly server: PlacementServer } & (
  { readonly excludedBy: Exclusion } | { readonly excludedBy: undefined; readonly score: number }
);

export interface ServerChoice {
  /** Undefined when all are excluded. */
  readonly chosen: PlacementServer | undefined;
  readonly considered: readonly Consideration[];
}

/** Why a server cannot have the tenant; undefined when it can. */
export function exclusionOf(server: PlacementServer, { labels, bytes, unfit }: PlacementWish): Exclusion | undefined {
  const reason = unfit?.get(server.id);
  if (reason !== undefined) return reason;
  if (server.draining) return 'draining';
  if (lackingLabels(labels, server.labels).length > 0) return 'labels';
  if (server.maxTenants !== null && server.tenants >= server.maxTenants) return 'tenants';
  const isFull =
    server.maxBytes !== null && (server.bytes >= server.maxBytes || server.bytes + bytes > server.maxBytes);
  return isFull ? 'bytes' : undefined;
}

/**
 * Chooses the server with the most room: the one with the least load, to which the part of its connections is added that is needed now. Of
 * equal ones the first by name.
 */
export function chooseServer(servers: readonly PlacementServer[], wish: PlacementWish): ServerChoice {
  const scale = new FleetScale(servers);
  const considered = servers.map((server): Consideration => {
    const excludedBy = exclusionOf(server, wish);
    return excludedBy === undefined ? { server, excludedBy, score: scoreOf(server, scale) } : { server, excludedBy };
  });
  const open = considered.flatMap((each) => (each.excludedBy === undefined ? [each] : []));
  const best = open.toSorted((a, b) => a.score - b.score || compare(a.server.name, b.server.name))[0];
  return { chosen: best?.server, considered };
}

/** The same server with one more tenant. */
export function withTenant(server: PlacementServer, bytes: number): PlacementServer {
  return { ...server, tenants: server.tenants + 1, bytes: server.bytes + bytes };
}

function scoreOf(server: PlacementServer, scale: FleetScale): number {
  const { connections, neededConnections } = server;
  const pressure = connections === null ? 0 : neededConnections / Math.max(1, connections);
  return scale.loadOf(server) + Math.min(1, pressure);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
