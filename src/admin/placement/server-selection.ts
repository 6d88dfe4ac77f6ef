import { Injectable } from '@nestjs/common';
import { type EntityManager, type FindOptionsWhere, In } from 'typeorm';
import { DEFAULT_SERVER } from '../../catalog/catalog-target.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Labels } from '../../catalog/model/labels.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { PlacementRights } from '../provisioning/placement-rights.js';
import { drainingRefusal, labelsRefusal, NoServerWithRoomError } from './placement.errors.js';
import { PlacementFacts } from './placement-facts.js';
import { chooseServer, exclusionOf, type PlacementServer, type PlacementWish, withTenant } from './server-choice.js';

/** A tenant that is to be placed. */
export interface PlacementRequest {
  readonly isolation: Isolation;
  /** By name. Default: one with the labels that has the most room; without labels, that of the catalog. */
  readonly server?: string | undefined;
  /** Labels that its server must have; null: none are asked for. */
  readonly labels: Labels | null;
  /** That the tenant brings. Default: none. */
  readonly bytes?: number | undefined;
  /** Where it is, and goes away from. */
  readonly fromServerId?: string | undefined;
}

/** Where a tenant is placed, or why it is not. */
export type Selection = { readonly server: ServerEntity } | { readonly refusal: PublicError };

/** The servers are read again when one is drained at that moment. */
const MAX_TRIES = 5;

/**
 * Selects servers for tenants, one choice at a time over all instances: from the choice until the end of the transaction, which records it,
 * no other choice is made, so that each counts for the next, and none exceeds a capacity.
 */
@Injectable()
export class ServerSelection {
  constructor(
    private readonly facts: PlacementFacts,
    private readonly rights: PlacementRights,
  ) {}

  /**
   * Selects a server, which cannot start draining before the transaction ends.
   *
   * @throws NotFoundError, ConflictError (draining, or without the labels), NoServerWithRoomError, MissingServerRightsError
   */
  async select(catalog: EntityManager, request: PlacementRequest): Promise<ServerEntity> {
    const [selection] = await this.selectAll(catalog, [request]);
    if (selection && 'server' in selection) return selection.server;
    throw selection?.refusal ?? new NotFoundError('server');
  }

  /** The same for each of many, in their order; each counts for those behind it. */
  async selectAll(catalog: EntityManager, requests: readonly PlacementRequest[]): Promise<readonly Selection[]> {
    const named = await this.lockServers(catalog, { name: In([...new Set(requests.flatMap((r) => nameOf(r) ?? []))]) });
    const isCounted =
      requests.some((request) => nameOf(request) === undefined) || [...named.values()].some(hasCapacity);
    if (!isCounted) return this.place(catalog, requests, named, undefined);
    await this.lockChoices(catalog);
    for (let tries = 1; ; tries += 1) {
      const room = await roomOf(this.facts, catalog);
      const chosen = await this.place(catalog, requests, named, room);
      const isDrained = chosen.some((each) => 'server' in each && each.server.draining);
      if (!isDrained || tries === MAX_TRIES) return chosen;
    }
  }

  /**
   * Why a server that is asked for cannot have a tenant that is elsewhere, as far as labels and capacity go; undefined when it can.
   *
   * @param isBegun whether the transaction places the tenant there; otherwise other choices go on meanwhile
   */
  async refusalOf(
    catalog: EntityManager,
    server: ServerEntity,
    { id, placementLabels }: Pick<TenantEntity, 'id' | 'placementLabels'>,
    isBegun: boolean,
  ): Promise<PublicError | undefined> {
    const labels = placementLabels ?? {};
    if (!hasCapacity(server)) return refusalOfNamed(server, { labels, bytes: 0 }, undefined);
    if (isBegun) await this.lockChoices(catalog);
    const room = await roomOf(this.facts, catalog);
    return refusalOfNamed(server, { labels, bytes: await this.facts.bytesOf(catalog, id) }, room);
  }

  /** Until the transaction ends. What takes a moment is read before. */
  private async lockChoices(catalog: EntityManager): Promise<void> {
    await this.facts.prepare(catalog);
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [LOCK_NAMES.placement]);
  }

  private async place(
    catalog: EntityManager,
    requests: readonly PlacementRequest[],
    named: ReadonlyMap<string, ServerEntity>,
    room: Room | undefined,
  ): Promise<readonly Selection[]> {
    const rights = new KnownRights(this.rights, catalog);
    const selections: Selection[] = [];
    for (const request of requests) {
      const name = nameOf(request);
      const selection = await (name === undefined && room
        ? this.byRule(catalog, request, room, rights)
        : this.byName(named.get(name ?? ''), request, room, rights));
      selections.push(selection);
      if (room && 'server' in selection) addTenant(room, selection.server.id, request.bytes ?? 0);
    }
    return selections;
  }

  private async byName(
    server: ServerEntity | undefined,
    { isolation, labels, bytes = 0 }: PlacementRequest,
    room: Room | undefined,
    rights: KnownRights,
  ): Promise<Selection> {
    if (!server) return { refusal: new NotFoundError('server') };
    if (server.draining) return { refusal: drainingRefusal(server) };
    const refusal =
      refusalOfNamed(server, { labels: labels ?? {}, bytes }, room) ?? (await rights.missing(server, isolation));
    return refusal ? { refusal } : { server };
  }

  private async byRule(
    catalog: EntityManager,
    { isolation, labels, bytes = 0, fromServerId }: PlacementRequest,
    room: Room,
    rights: KnownRights,
  ): Promise<Selection> {
    const unfit = new Map<string, 'rights' | 'source'>();
    for (const id of await rights.serversWithout(room.servers, isolation)) unfit.set(id, 'rights');
    if (fromServerId !== undefined) unfit.set(fromServerId, 'source');
    const { chosen, considered } = chooseServer(room.servers, { labels: labels ?? {}, bytes, unfit });
    if (!chosen) return { refusal: NoServerWithRoomError.among(considered) };
    const known = room.chosen.get(chosen.id) ?? [...(await this.lockServers(catalog, { id: chosen.id })).values()][0];
    if (known) room.chosen.set(chosen.id, known);
    return known ? { server: known } : { refusal: NoServerWithRoomError.among(considered) };
  }

  /** By name. Locked, so that none can start draining before the transaction ends. */
  private async lockServers(
    catalog: EntityManager,
    where: FindOptionsWhere<ServerEntity>,
  ): Promise<ReadonlyMap<string, ServerEntity>> {
    const servers = await catalog.find(ServerEntity, { where, lock: { mode: 'pessimistic_read' } });
    return new Map(servers.map((server) => [server.name, server]));
  }
}

/** What is known of all servers, with the tenants that were placed since. */
interface Room {
  servers: readonly PlacementServer[];
  /** Those chosen and locked, by id. */
  readonly chosen: Map<string, ServerEntity>;
}

async function roomOf(facts: PlacementFacts, catalog: EntityManager): Promise<Room> {
  return { servers: await facts.servers(catalog), chosen: new Map() };
}

/** What an owner may do is asked once per server and isolation. */
class KnownRights {
  private readonly known = new Map<string, Promise<PublicError | undefined>>();
  private readonly lacking = new Map<Isolation, Promise<ReadonlySet<string>>>();

  constructor(
    private readonly rights: PlacementRights,
    private readonly catalog: EntityManager,
  ) {}

  missing(server: Pick<ServerEntity, 'id' | 'host'>, isolation: Isolation): Promise<PublicError | undefined> {
    const key = `${server.id} ${isolation}`;
    const missing = this.known.get(key) ?? this.rights.missing(this.catalog, server, isolation);
    this.known.set(key, missing);
    return missing;
  }

  serversWithout(servers: readonly PlacementServer[], isolation: Isolation): Promise<ReadonlySet<string>> {
    const ids = this.lacking.get(isolation) ?? this.rights.serversWithout(this.catalog, servers, isolation);
    this.lacking.set(isolation, ids);
    return ids;
  }
}

function nameOf({ server, labels }: PlacementRequest): string | undefined {
  return server ?? (labels === null ? DEFAULT_SERVER : undefined);
}

function hasCapacity({ maxTenants, maxBytes }: ServerEntity): boolean {
  return maxTenants !== null || maxBytes !== null;
}

function addTenant(room: Room, serverId: string, bytes: number): void {
  room.servers = room.servers.map((server) => (server.id === serverId ? withTenant(server, bytes) : server));
}

function refusalOfNamed(server: ServerEntity, wish: PlacementWish, room: Room | undefined): PublicError | undefined {
  const refusal = labelsRefusal(server, wish.labels);
  if (refusal) return refusal;
  const counted = room?.servers.find(({ id }) => id === server.id);
  const reason = counted && exclusionOf(counted, wish);
  if (!counted || (reason !== 'tenants' && reason !== 'bytes')) return undefined;
  return reason === 'tenants'
    ? NoServerWithRoomError.named('tenants', counted.tenants, counted.maxTenants ?? 0)
    : NoServerWithRoomError.named('bytes', counted.bytes, counted.maxBytes ?? 0);
}
