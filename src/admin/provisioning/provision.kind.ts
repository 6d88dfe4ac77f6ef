import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../../catalog/catalog-target.js';
import { ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { type ProvidedDatabase, providedDatabase } from '../../catalog/provided-database.js';
import { migrationSetValues, saveSetSql } from '../../catalog/tenant-tables/migration-set-sql.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import { migrateTables } from '../../database/table-migrations/execution/migrate-tables.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { dedicatedTargetName, schemaNameOf, sharedTargetName } from './names.js';
import { ensureDatabase, ensureLoginRole, ensureSchema } from './postgres-objects.js';
import { lockTarget } from './target-lock.js';

const Input = z.object({ serverId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Where a tenant is being provisioned. */
interface Location {
  readonly server: ServerEntity;
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
}

/**
 * Takes the versions of another tenant in the same tables, the oldest ones if they differ, or those of $2 to $5 if there is
 * none.
 */
const ACTIVATE = `
  WITH saved AS (${saveSetSql('$4', '$5')}), others AS (
    SELECT o.schema_version, o.migration_set, min(o.policy_version) OVER () AS policy_version
    FROM tenants o JOIN tenants t ON o.target_id = t.target_id AND o.schema_name = t.schema_name
    WHERE t.id = $1 AND o.schema_version IS NOT NULL
    ORDER BY substring(o.schema_version from '[0-9]{13}$'), o.migration_set NULLS FIRST LIMIT 1
  ), versions AS (
    SELECT * FROM others UNION ALL SELECT $2, $4, $3 WHERE NOT EXISTS (SELECT FROM others)
  )
  UPDATE tenants t SET status = 'active', schema_version = v.schema_version, migration_set = v.migration_set,
    policy_version = v.policy_version
  FROM versions v WHERE t.id = $1 AND t.status = 'provisioning'`;

/**
 * Creates what a tenant needs: login role, database, schema, tables. Names and passwords are written to the catalog
 * before anything is created, so that each step can run again after a crash at any point.
 */
@Injectable()
export class ProvisionKind implements OperationKind<Input> {
  readonly name = 'provision';
  readonly input = Input;
  readonly steps = [
    { name: 'choose-target', run: (run: Run) => this.chooseTarget(run) },
    { name: 'create-role', run: (run: Run) => this.createRole(run) },
    { name: 'create-database', run: (run: Run) => this.createDatabase(run) },
    { name: 'create-schema', run: (run: Run) => this.createSchema(run) },
    { name: 'migrate', run: (run: Run) => this.migrate(run) },
    { name: 'activate', run: (run: Run) => this.activate(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly targets: TargetDatabases,
    private readonly isolation: DatabaseIsolation,
    private readonly keyRing: KeyRing,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly dataSources: TenantDataSources,
  ) {}

  async onFailed(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    await catalog.update(TenantEntity, { id: tenantId ?? '', status: 'provisioning' }, { status: 'failed' });
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.onFailed(catalog, operation);
  }

  async onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    const { affected } = await catalog.update(
      TenantEntity,
      { id: tenantId ?? '', status: 'failed' },
      { status: 'provisioning' },
    );
    if (affected !== 1) throw new ConflictError('the tenant is no longer waiting to be provisioned');
  }

  private async chooseTarget({ tenantId, input }: Run): Promise<void> {
    const tenant = await this.tenant(tenantId);
    if (tenant.targetId !== null && tenant.schema !== null) return; // recorded before a crash, maybe by a former version
    const shared = tenant.isolation !== 'database';
    const name = shared
      ? sharedTargetName(this.catalogTarget.database)
      : dedicatedTargetName(this.catalogTarget.database, tenant.id);
    const target = await this.ensureTarget(input.serverId, shared ? 'shared' : 'dedicated', name);
    const location = { targetId: target.id, schema: schemaNameOf(tenant) };
    await this.catalog.getRepository(TenantEntity).update(tenant.id, location);
  }

  private async createRole({ tenantId, signal }: Run): Promise<void> {
    const { server, target } = await this.location(tenantId);
    if (target.provided || (await this.isInUse(target))) return;
    const password = this.keyRing.decrypt(target.passwordSealed, targetPasswordContext(target.id));
    await this.onServer(server, target, signal, (client) => ensureLoginRole(client, target, password));
  }

  private async createDatabase({ tenantId, signal }: Run): Promise<void> {
    const { server, target } = await this.location(tenantId);
    if (target.provided || (await this.isInUse(target))) return;
    await this.onServer(server, target, signal, (client) => ensureDatabase(client, target.database, target.role));
  }

  private async createSchema({ tenantId, signal }: Run): Promise<void> {
    const { target, schema } = await this.location(tenantId);
    if (await this.hasOtherTenants(target, schema)) return;
    await this.targets.use(
      target,
      async (client) => {
        await lockTarget(client, target.id);
        await ensureSchema(client, schema);
      },
      { signal },
    );
  }

  /** Tables shared with other tenants are not migrated here: the fleet migration decides when they change. */
  private async migrate({ tenantId, signal, saveState }: Run): Promise<void> {
    const { target, schema } = await this.location(tenantId);
    if (await this.hasOtherTenants(target, schema)) return;
    const { migrations, trustedFunctions = [], typeorm } = this.schema;
    const { expectedTables } = this.dataSources;
    const options = { signal, trustedFunctions, namingStrategy: typeorm?.namingStrategy, expectedTables };
    const { version, recorded } = await this.targets.use(
      target,
      async (client) => {
        await this.isolation.prepare(client, target);
        return migrateTables(client, { schema, role: target.role }, migrations, options);
      },
      { signal },
    );
    await saveState({ schemaVersion: version, migrations: JSON.stringify(recorded) });
  }

  private async activate({ tenantId, state }: Run): Promise<void> {
    const { schemaVersion = null, migrations } = state;
    // A former release may have migrated the tables.
    const recorded = migrations === undefined ? null : (JSON.parse(migrations) as string[]);
    await this.catalog.query(ACTIVATE, [tenantId, schemaVersion, POLICY_VERSION, ...migrationSetValues(recorded)]);
  }

  private hasOtherTenants({ id: targetId }: ConnectionTargetEntity, schema: string): Promise<boolean> {
    return this.catalog.getRepository(TenantEntity).existsBy({ targetId, schema, schemaVersion: Not(IsNull()) });
  }

  /** Finds the server's shared target, or the one recorded before a crash; otherwise records a new one. */
  private async ensureTarget(
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

  private onServer<T>(
    server: ServerEntity,
    target: ConnectionTargetEntity,
    signal: AbortSignal,
    work: Parameters<typeof this.adminConnections.use<T>>[1],
  ): Promise<T> {
    return this.adminConnections.use(
      this.owner.of(server),
      async (client) => {
        await lockTarget(client, target.id);
        return work(client);
      },
      { signal },
    );
  }

  private async location(tenantId: string | null): Promise<Location> {
    const { targetId, schema } = await this.tenant(tenantId);
    const target = await this.targets.find(targetId ?? '');
    return { server: target.server, target, schema: schema ?? '' };
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
