import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { countConnections } from '../../catalog/instances/connection-count.js';
import { serverLimit } from '../../catalog/instances/server-limit.js';
import type { ServerConnectionsView } from './server-connections.schemas.js';

const ANSWER_MS = 2_000;
/** Any number of open pages cause one query per server in this time. */
const KEPT_MS = 2_000;

/** What instances may have of a server together, and what they were lent. */
interface Lending {
  readonly id: string;
  readonly limit: number | null;
  readonly lent: number;
}

const LENDING = `
  SELECT s.id, ${serverLimit('s')} AS limit,
    (SELECT coalesce(sum(c.share), 0)::int FROM connection_shares c WHERE c.server_id = s.id) AS lent
  FROM servers s`;

type Count = Pick<ServerConnectionsView, 'max' | 'open'>;

/** The connections of each server against what it admits. */
@Injectable()
export class ServerConnections {
  private readonly logger = new Logger('Servers');
  private last: { readonly at: number; readonly counts: Promise<ReadonlyMap<string, Count>> } | undefined;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly pools: ConnectionPools,
  ) {}

  /** Ordered by name. Takes two seconds at most for servers that do not answer. */
  async list(): Promise<readonly ServerConnectionsView[]> {
    const servers = await this.catalog.getRepository(ServerEntity).find({ order: { name: 'ASC' } });
    const [counts, lending] = await Promise.all([this.counts(servers), this.catalog.query<Lending[]>(LENDING)]);
    const { servers: own } = this.pools.snapshot();
    return servers.map(({ id, name }) => {
      const instance = own.find(({ server }) => server === id);
      return {
        server: name,
        ...(counts.get(id) ?? { max: null, open: null }),
        limit: lending.find((each) => each.id === id)?.limit ?? null,
        lent: lending.find((each) => each.id === id)?.lent ?? 0,
        instance: instance ? { limit: instance.limit, open: instance.open, waiting: instance.waiting } : null,
      };
    });
  }

  private counts(servers: readonly ServerEntity[]): Promise<ReadonlyMap<string, Count>> {
    const now = performance.now();
    if (this.last && now - this.last.at < KEPT_MS) return this.last.counts;
    const all = servers.map(async (server) => [server.id, await this.count(server)] as const);
    const counts = Promise.all(all).then((entries) => new Map(entries));
    this.last = { at: now, counts };
    return counts;
  }

  private async count(server: ServerEntity): Promise<Count> {
    try {
      return await this.adminConnections.use(this.owner.of(server), countConnections, {
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (error) {
      this.logger.debug(`The connections of ${server.name} could not be counted: ${reasonOf(error)}`);
      return { max: null, open: null };
    }
  }
}
