import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { hasReplicas } from '../../database/connection/connection-target.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { CATALOG } from '../catalog-data-source.js';
import { ConnectionTargetEntity } from '../entities/connection-target.entity.js';
import { ServerEntity } from '../entities/server.entity.js';
import { ServerOwner } from '../server-owner.js';
import { countConnections, countConnectionsOf } from './connection-count.js';
import { ConnectionShares, type SilentShare } from './connection-shares.js';
import { limitRoles, type OwnerQuery, roleLimit, UNLIMITED } from './role-limits.js';

const ANSWER_MS = 3_000;
/** Pause before a server is asked the same question again; when it did not answer, a short one. */
const PAUSE_MS = { silent: 2_000, capacity: 600_000, roles: 600_000, failed: 2_000 };

/** Roles that a line of the log names. */
const SHOWN_ROLES = 5;

/** Asks servers what the division of their connections depends on. What cannot be asked is asked again later. */
@Injectable()
export class ServerSurveys {
  private readonly logger = new Logger('Instances');
  /** When a question may be asked again, in ms of `performance.now()`. */
  private readonly pauses = new Map<string, number>();
  /** The limits of servers by which their roles were limited last. */
  private readonly serverLimits = new Map<string, number>();
  /** Those that the log has named. */
  private readonly refusedRoles = new Set<string>();

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly shares: ConnectionShares,
  ) {}

  /** Takes back the share of an instance whose connections to the server are gone. While any is open, it may be alive. */
  takeBackUnused(silent: SilentShare): Promise<void> {
    const { serverId, instanceId } = silent;
    return this.ask(`${serverId} ${instanceId}`, PAUSE_MS.silent, serverId, async (server) => {
      const open = await this.query(server, (client) => countConnectionsOf(client, instanceId));
      if (open > 0) return;
      await this.shares.takeBack(silent);
      this.logger.warn(`Instance ${instanceId} is gone: its connections to ${server.name} are lent to others again`);
    });
  }

  /** Notes how many connections the server allows. */
  measureCapacity(serverId: string): Promise<void> {
    return this.ask(serverId, PAUSE_MS.capacity, serverId, async (server) => {
      const { max } = await this.query(server, countConnections);
      await this.catalog.query(
        'UPDATE servers SET allowed_connections = $2 WHERE id = $1 AND allowed_connections IS DISTINCT FROM $2',
        [serverId, max],
      );
    });
  }

  /**
   * Limits the login roles of the server's targets by what all instances may have together: at once when that has changed. Where the
   * server has read replicas they are unlimited: roles are the same there, and more connections are wanted.
   */
  limitRoles(serverId: string, limit: number): Promise<void> {
    const question = `${serverId} roles`;
    if (this.serverLimits.get(serverId) !== limit) this.pauses.delete(question);
    this.serverLimits.set(serverId, limit);
    return this.ask(question, PAUSE_MS.roles, serverId, async (server) => {
      const targets = await this.catalog
        .getRepository(ConnectionTargetEntity)
        .find({ select: { id: true }, where: { serverId, provided: false } });
      const ids = targets.map(({ id }) => id);
      const isRead = hasReplicas(this.owner.of(server));
      const limitNow = (): number => (isRead ? UNLIMITED : roleLimit(this.serverLimits.get(serverId) ?? limit));
      const { limited, refused } = await this.asOwner(server, (query) => limitRoles(query, ids, limitNow));
      if (limited.length > 0)
        this.logger.log(`CONNECTION LIMIT of ${limited.length} login roles of ${server.name} is set to ${limitNow()}`);
      this.warnOfRefused(server.name, refused);
    });
  }

  private warnOfRefused(server: string, roles: readonly string[]): void {
    const news = roles.filter((role) => !this.refusedRoles.has(`${server} ${role}`));
    for (const role of news) this.refusedRoles.add(`${server} ${role}`);
    if (news.length === 0) return;
    this.logger.warn(
      `The owner of ${server} may not set the CONNECTION LIMIT of ${news.slice(0, SHOWN_ROLES).join(', ')}: grant it these roles WITH ADMIN OPTION`,
    );
  }

  /** The catalog's connections are the owner's, on its own server. */
  private asOwner<T>(server: ServerEntity, work: (query: OwnerQuery) => Promise<T>): Promise<T> {
    if (server.host === null) return work((sql, values) => this.catalog.query(sql, values && [...values]));
    return this.query(server, (client) =>
      work(async <Row>(sql: string, values?: readonly unknown[]) => {
        const { rows } = await client.query(sql, values && [...values]);
        return rows as Row[];
      }),
    );
  }

  private query<T>(server: ServerEntity, work: Parameters<typeof this.adminConnections.use<T>>[1]): Promise<T> {
    return this.adminConnections.use(this.owner.of(server), work, { signal: AbortSignal.timeout(ANSWER_MS) });
  }

  /** Never rejects. */
  private async ask(
    question: string,
    pauseMs: number,
    serverId: string,
    work: (server: ServerEntity) => Promise<void>,
  ): Promise<void> {
    const now = performance.now();
    if ((this.pauses.get(question) ?? -Infinity) > now) return;
    for (const [asked, until] of this.pauses) if (until <= now) this.pauses.delete(asked);
    this.pauses.set(question, now + pauseMs);
    try {
      const server = await this.catalog.getRepository(ServerEntity).findOneBy({ id: serverId });
      if (server) await work(server);
    } catch (error) {
      this.pauses.set(question, performance.now() + PAUSE_MS.failed);
      this.logger.debug(`A server could not be asked about its connections: ${reasonOf(error)}`);
    }
  }
}
