import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager, FindOneOptions } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ownerPasswordContext, ServerOwner } from '../../catalog/server-owner.js';
import { leastConnections } from '../../catalog/worker-shares.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { type PoolOptions, poolOptions } from '../../database/pool/pool-options.js';
import { ConflictError, NotFoundError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { NewServer, ServerChange, ServerView } from './server.schemas.js';
import { checkServer } from './server-check.js';

const VIEW = `
  SELECT s.id, s.name, s.host, s.port, s.further_addresses AS "furtherAddresses", s.tls, s.owner_role AS "ownerRole", s.max_connections AS "maxConnections",
         s.replicas, s.draining, s.labels, s.max_tenants AS "maxTenants", s.max_bytes::float8 AS "maxBytes",
         (SELECT count(*)::int FROM connection_targets c WHERE c.server_id = s.id) AS databases,
         (SELECT count(*)::int FROM tenants t JOIN connection_targets c ON c.id = t.target_id
          WHERE c.server_id = s.id AND t.spare_server_id IS NULL) AS tenants,
         (SELECT coalesce(sum(b.bytes), 0)::float8 FROM stored_sizes b JOIN tenants t ON t.id = b.tenant_id
            JOIN connection_targets c ON c.id = t.target_id WHERE c.server_id = s.id) AS "storedBytes"
  FROM servers s`;

const TAKEN: ConstraintErrors = {
  servers_name_key: () => new ConflictError('a server with this name already exists'),
};

/** Spare tenants that an error names. */
const SHOWN_SPARES = 20;

/** What can be changed without asking the server: a replica that is away is not read. */
const UNCHECKED: ReadonlySet<string> = new Set(['maxConnections', 'replicas', 'maxTenants', 'maxBytes', 'labels']);

const FOR_UPDATE = { mode: 'pessimistic_write' } as const;

/** The PostgreSQL servers for tenants. */
@Injectable()
export class Servers {
  private readonly options: PoolOptions;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly keyRing: KeyRing,
    private readonly audit: AuditLog,
  ) {
    this.options = poolOptions(config);
  }

  list(): Promise<readonly ServerView[]> {
    return this.catalog.query<ServerView[]>(`${VIEW} ORDER BY s.name`);
  }

  /** @throws NotFoundError */
  async read(name: string, catalog: EntityManager = this.catalog.manager): Promise<ServerView> {
    const [server] = await catalog.query<ServerView[]>(`${VIEW} WHERE s.name = $1`, [name]);
    if (!server) throw new NotFoundError('server');
    return server;
  }

  /**
   * Checks whether a server can be used. Call it before the transaction that registers the server: waiting for an
   * unreachable server would block one of the few catalog connections.
   *
   * @throws ValidationFailedError
   */
  async check({ ownerPassword, ...server }: NewServer): Promise<void> {
    this.assertShares(server);
    return this.checkAs({ id: randomUUID(), ...server, draining: false, ownerPasswordSealed: null }, ownerPassword);
  }

  /** Registers a server that passed `check`. @throws ConflictError when the name is already in use */
  async register(catalog: EntityManager, { ownerPassword, ...options }: NewServer, actor: Actor): Promise<ServerView> {
    const id = randomUUID();
    const ownerPasswordSealed = this.keyRing.encrypt(ownerPassword, ownerPasswordContext(id));
    const server = { id, ...options, ownerPasswordSealed, draining: false };
    await withConstraintErrors(TAKEN, () => catalog.insert(ServerEntity, server));
    await this.record(catalog, 'server.register', actor, server, { after: options });
    return this.read(options.name, catalog);
  }

  /**
   * @throws NotFoundError, ValidationFailedError (it cannot be used with the change), ConflictError (the catalog's
   *   server)
   */
  async change(name: string, { ownerPassword, ...change }: ServerChange, actor: Actor): Promise<ServerView> {
    const needsCheck = ownerPassword !== undefined || Object.keys(change).some((field) => !UNCHECKED.has(field));
    const { maxConnections } = change;
    if (maxConnections !== undefined) {
      const { host } = await this.find(this.catalog.manager, name);
      this.assertShares({ host, maxConnections });
    }
    if (change.replicas !== undefined) await this.assertOwnReplicas(name);
    if (needsCheck) await this.checkChanged(await this.find(this.catalog.manager, name), change, ownerPassword);
    return this.updateLocked(name, async (catalog, server) => {
      const sealed = ownerPassword && this.keyRing.encrypt(ownerPassword, ownerPasswordContext(server.id));
      await catalog.update(ServerEntity, server.id, { ...change, ...(sealed && { ownerPasswordSealed: sealed }) });
      if (change.host !== undefined || change.port !== undefined) {
        await catalog.query('UPDATE servers SET allowed_connections = NULL WHERE id = $1', [server.id]); // another machine
      }
      const fields = Object.keys(change) as (keyof typeof change)[];
      const before = Object.fromEntries(fields.map((field) => [field, server[field]]));
      const after = { ...change, ...(sealed && { ownerPassword: 'changed' }) };
      await this.record(catalog, 'server.change', actor, server, { before, after });
    });
  }

  /** Stops placing tenants on the server; existing tenants stay. @throws NotFoundError */
  drain(name: string, actor: Actor): Promise<ServerView> {
    return this.setDraining(name, true, 'server.drain', actor);
  }

  /** Allows placing tenants on the server again. @throws NotFoundError */
  undrain(name: string, actor: Actor): Promise<ServerView> {
    return this.setDraining(name, false, 'server.undrain', actor);
  }

  /** Removes a draining server without tenants, customers' and spare ones. @throws NotFoundError, ConflictError */
  async remove(name: string, actor: Actor): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const server = await this.find(catalog, name, FOR_UPDATE);
      if (server.host === null) throw new ConflictError("the catalog's server cannot be removed");
      const { tenants } = await this.read(name, catalog);
      if (tenants > 0) throw new ConflictError(`the server has ${tenants} tenants`);
      if (!server.draining)
        throw new ConflictError('the server must be drained first, so that no tenant is placed on it');
      await this.assertNoSpares(catalog, server.id);
      await catalog.delete(ConnectionTargetEntity, { serverId: server.id });
      await catalog.delete(ServerEntity, server.id);
      await this.record(catalog, 'server.remove', actor, server, {});
    });
  }

  /** Nothing else lists them. A draining server gets no further ones. */
  private async assertNoSpares(catalog: EntityManager, spareServerId: string): Promise<void> {
    const spares = await catalog.find(TenantEntity, { where: { spareServerId }, order: { slug: 'ASC' } });
    if (spares.length === 0) return;
    const named = spares.slice(0, SHOWN_SPARES).map(({ slug }) => slug);
    const more = spares.length > named.length ? ` and ${spares.length - named.length} more` : '';
    throw new ConflictError(`the server has spare tenants, to be deleted first: ${named.join(', ')}${more}`);
  }

  /** Each worker of an instance needs some of the connections. */
  private assertShares({ host, maxConnections }: Pick<ServerEntity, 'host' | 'maxConnections'>): void {
    const least = leastConnections(this.config, { host });
    if (maxConnections === null || maxConnections >= least) return;
    const message = `must be at least ${least}, because each of the ${this.config.workers} WORKERS needs its share`;
    throw new ValidationFailedError([{ field: 'maxConnections', message }]);
  }

  private async assertOwnReplicas(name: string): Promise<void> {
    const { host } = await this.find(this.catalog.manager, name);
    if (host === null) throw new ConflictError("the replicas of the catalog's server are in DATABASE_REPLICAS");
  }

  private checkChanged(server: ServerEntity, change: Partial<ServerEntity>, ownerPassword: string | undefined) {
    if (server.host === null)
      throw new ConflictError("the address and owner of the catalog's server are in DATABASE_URL");
    return this.checkAs({ ...server, ...change }, ownerPassword);
  }

  private checkAs(server: ServerEntity, ownerPassword: string | undefined): Promise<void> {
    const sealed = ownerPassword && this.keyRing.encrypt(ownerPassword, ownerPasswordContext(server.id));
    return checkServer(this.owner.of({ ...server, ...(sealed && { ownerPasswordSealed: sealed }) }), this.options);
  }

  private setDraining(name: string, draining: boolean, action: string, actor: Actor): Promise<ServerView> {
    return this.updateLocked(name, async (catalog, server) => {
      if (server.draining === draining) return;
      await catalog.update(ServerEntity, server.id, { draining });
      const change = { before: { draining: server.draining }, after: { draining } };
      await this.record(catalog, action, actor, server, change);
    });
  }

  private updateLocked(
    name: string,
    change: (catalog: EntityManager, server: ServerEntity) => Promise<void>,
  ): Promise<ServerView> {
    return this.catalog.transaction(async (catalog) => {
      await change(catalog, await this.find(catalog, name, FOR_UPDATE));
      return this.read(name, catalog);
    });
  }

  private async find(catalog: EntityManager, name: string, lock?: FindOneOptions['lock']): Promise<ServerEntity> {
    const server = await catalog.findOne(ServerEntity, { where: { name }, ...(lock && { lock }) });
    if (!server) throw new NotFoundError('server');
    return server;
  }

  private record(
    catalog: EntityManager,
    action: string,
    actor: Actor,
    { id, name }: { readonly id: string; readonly name: string },
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    return this.audit.record(catalog, {
      actor,
      action,
      subjectKind: 'server',
      subjectId: id,
      subject: name,
      ...change,
    });
  }
}
