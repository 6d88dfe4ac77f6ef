import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import { type DataSource, IsNull, Not } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../../catalog/catalog-target.js';
import { ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { type ProvidedDatabase, providedDatabase } from '../../catalog/provided-database.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { type MigratedTables, migrateTables } from '../../database/table-migrations/execution/migrate-tables.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { ReferenceRows } from '../reference-rows/reference-rows.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { dedicatedTargetName, schemaNameOf, sharedTargetName } from './names.js';
import { ensureDatabase, ensureLoginRole, ensureSchemas, ownsDatabase } from './postgres-objects.js';
import { lockTarget, unlockTarget } from './target-lock.js';

/** Where a tenant would be. */
export interface ForeseenPlace {
  /** Null when no connection target is recorded yet. */
  readonly targetId: string | null;
  readonly database: string;
  readonly role: string;
  readonly schema: string;
  /** Whether login role and database are an operator's, who makes them. */
  readonly isProvided: boolean;
  /** Whether other tenants are in its tables. */
  readonly hasTables: boolean;
}

/**
 * Creates what tenants need on a server: login role, database, schema, tables. Each part can run again after a crash at any
 * point: a target's names and password are in the catalog before anything is created.
 */
@Injectable()
export class Placements {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly owner: ServerOwner,
    private readonly targets: TargetDatabases,
    private readonly adminConnections: AdminConnections,
    private readonly keyRing: KeyRing,
    private readonly isolation: DatabaseIsolation,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly dataSources: TenantDataSources,
    private readonly referenceRows: ReferenceRows,
  ) {}

  /** Finds the target for a tenant, or the one recorded before a crash; otherwise records a new one. */
  async ensureTarget(
    serverId: string,
    tenant: { readonly id: string; readonly isolation: Isolation },
  ): Promise<ConnectionTargetEntity> {
    const { database } = this.catalogTarget;
    const { id } =
      tenant.isolation === 'database'
        ? await this.ensure(serverId, 'dedicated', dedicatedTargetName(database, tenant.id))
        : await this.ensure(serverId, 'shared', sharedTargetName(database));
    return this.targets.find(id);
  }

  /** The place that a new tenant would get with `ensureTarget`. Records nothing. */
  async foresee(
    serverId: string,
    tenant: { readonly id: string; readonly isolation: Isolation },
  ): Promise<ForeseenPlace> {
    const isDedicated = tenant.isolation === 'database';
    const { database } = this.catalogTarget;
    const name = isDedicated ? dedicatedTargetName(database, tenant.id) : sharedTargetName(database);
    const where = isDedicated ? { serverId, database: name } : { serverId, kind: 'shared' as const };
    const existing = await this.catalog.getRepository(ConnectionTargetEntity).findOneBy(where);
    const schema = schemaNameOf(tenant, existing ?? { rowSchema: null });
    if (existing) {
      const { id: targetId, role, provided, adopted } = existing;
      const hasTables = await this.hasTables(existing, schema);
      return { targetId, database: existing.database, role, schema, isProvided: provided || adopted, hasTables };
    }
    const provided = isDedicated ? undefined : await this.providedFor(serverId);
    const names = provided ? { database: provided.database, role: provided.role } : { database: name, role: name };
    return { targetId: null, ...names, schema, isProvided: provided !== undefined, hasTables: false };
  }

  async createRole(target: ConnectionTargetEntity, signal: AbortSignal): Promise<void> {
    if (target.provided || (await this.isInUse(target))) return;
    const password = this.keyRing.decrypt(target.passwordSealed, targetPasswordContext(target.id));
    const hasDatabase = await this.onServer(target, signal, async (client) => {
      const owns = await ownsDatabase(client, target.database);
      if (!owns) await ensureLoginRole(client, target, password);
      return owns;
    });
    // Citus makes a role on its workers only when it is made in a database with Citus.
    if (hasDatabase) await this.inDatabase(target, signal, (client) => ensureLoginRole(client, target, password));
  }

  async createDatabase(target: ConnectionTargetEntity, signal: AbortSignal): Promise<void> {
    if (target.provided || target.adopted || (await this.isInUse(target))) return;
    await this.onServer(target, signal, (client) => ensureDatabase(client, target.database, target.role));
  }

  async createSchema(target: ConnectionTargetEntity, schema: string, signal: AbortSignal): Promise<void> {
    if (await this.hasTables(target, schema)) return;
    await this.inDatabase(target, signal, (client) => ensureSchemas(client, [schema]));
  }

  /**
   * Tables shared with other tenants are not migrated here: the fleet migration decides when they change.
   *
   * @returns undefined for such tables
   */
  async migrate(
    target: ConnectionTargetEntity,
    schema: string,
    signal: AbortSignal,
  ): Promise<MigratedTables | undefined> {
    if (await this.hasTables(target, schema)) return undefined;
    return this.targets.use(
      target,
      async (client) => {
        await this.isolation.prepare(client, target);
        return this.migrateSchema(client, target, schema, signal);
      },
      { signal },
    );
  }

  /**
   * Creates schemas of one tenant each and migrates them, one after the other over one connection.
   *
   * @param onMigrated activates the tenant of each, and is waited for; the schemas behind one for which it fails are not migrated
   */
  async createAndMigrate(
    target: ConnectionTargetEntity,
    schemas: readonly string[],
    signal: AbortSignal,
    onMigrated: (schema: string, tables: MigratedTables) => Promise<void>,
  ): Promise<void> {
    const work = async (client: pg.Client): Promise<void> => {
      await lockTarget(client, target.id);
      await ensureSchemas(client, schemas);
      await unlockTarget(client, target.id);
      await this.isolation.prepare(client, target);
      for (const schema of schemas) {
        await onMigrated(schema, await this.migrateSchema(client, target, schema, signal));
        await this.bringNewerReferenceRows(client, target, schema, signal);
      }
    };
    await this.targets.use(target, work, { signal });
  }

  private async migrateSchema(
    client: pg.Client,
    target: ConnectionTargetEntity,
    schema: string,
    signal: AbortSignal,
  ): Promise<MigratedTables> {
    const { migrations, trustedFunctions = [], typeorm } = this.schema;
    const { expectedTables } = this.dataSources;
    const options = { signal, trustedFunctions, namingStrategy: typeorm?.namingStrategy, expectedTables };
    const tables = await migrateTables(client, { schema, role: target.role }, migrations, options);
    await this.referenceRows.bring(client, { targetId: target.id, schema }, signal);
    return tables;
  }

  /**
   * Looks again for a newer version of reference tables: one that was published after `migrate` and before the tenant was
   * active has not met its tables.
   *
   * @param tables what `migrate` returned
   */
  async bringReferenceRows(
    target: ConnectionTargetEntity,
    schema: string,
    tables: object | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (!tables || !(await this.referenceRows.isBehind({ targetId: target.id, schema }))) return;
    const bring = (client: pg.Client): Promise<void> => this.bringNewerReferenceRows(client, target, schema, signal);
    await this.targets.use(target, bring, { signal });
  }

  private async bringNewerReferenceRows(
    client: pg.Client,
    { id: targetId }: ConnectionTargetEntity,
    schema: string,
    signal: AbortSignal,
  ): Promise<void> {
    if (await this.referenceRows.isBehind({ targetId, schema })) {
      await this.referenceRows.bring(client, { targetId, schema }, signal);
    }
  }

  /** Whether other tenants are in the schema, which is then theirs too. */
  private hasTables({ id: targetId }: ConnectionTargetEntity, schema: string): Promise<boolean> {
    return this.catalog.getRepository(TenantEntity).existsBy({ targetId, schema, schemaVersion: Not(IsNull()) });
  }

  private async ensure(
    serverId: string,
    kind: ConnectionTargetEntity['kind'],
    name: string,
  ): Promise<ConnectionTargetEntity> {
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    const where = kind === 'shared' ? { serverId, kind } : { serverId, database: name };
    const existing = await targets.findOneBy(where);
    if (existing) return existing;
    const [{ id }] = await this.catalog.query<[{ id: string }]>('SELECT gen_random_uuid() AS id');
    const provided = kind === 'shared' ? await this.providedFor(serverId) : undefined;
    const { database, role, password } = provided ?? { database: name, role: name, password: newPassword() };
    await targets
      .createQueryBuilder()
      .insert()
      .values({
        id,
        serverId,
        kind,
        database,
        role,
        provided: provided !== undefined,
        version: 1,
        stampKeySealed: null,
        stampsEnforced: await this.areStampsEnforced(),
        passwordSealed: this.keyRing.encrypt(password, targetPasswordContext(id)),
      })
      .orIgnore() // another instance may insert it at the same time
      .execute();
    return targets.findOneByOrFail(where);
  }

  /** What an operator made for the catalog's server. */
  private async providedFor(serverId: string): Promise<ProvidedDatabase | undefined> {
    const provided = providedDatabase(this.config);
    if (!provided) return undefined;
    const { host } = await this.catalog.getRepository(ServerEntity).findOneByOrFail({ id: serverId });
    return host === null ? provided : undefined;
  }

  /** A new database is as strict as the others; those of a new installation refuse unsigned stamps from the start. */
  private async areStampsEnforced(): Promise<boolean> {
    return !(await this.catalog.getRepository(ConnectionTargetEntity).existsBy({ stampsEnforced: false }));
  }

  /** Active tenants use the target, so its role and database exist and must not be changed. */
  private isInUse({ id, kind }: ConnectionTargetEntity): Promise<boolean> {
    if (kind === 'dedicated') return Promise.resolve(false);
    return this.catalog.getRepository(TenantEntity).existsBy({ targetId: id, status: 'active' });
  }

  private inDatabase<T>(
    target: ConnectionTargetEntity,
    signal: AbortSignal,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    const locked = async (client: pg.Client): Promise<T> => {
      await lockTarget(client, target.id);
      return work(client);
    };
    return this.targets.use(target, locked, { signal });
  }

  private onServer<T>(
    target: ConnectionTargetEntity,
    signal: AbortSignal,
    work: Parameters<typeof this.adminConnections.use<T>>[1],
  ): Promise<T> {
    return this.adminConnections.use(
      this.owner.of(target.server),
      async (client) => {
        await lockTarget(client, target.id);
        return work(client);
      },
      { signal },
    );
  }
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
