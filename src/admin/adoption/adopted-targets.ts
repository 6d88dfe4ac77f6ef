import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import { type DataSource, Not } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../../catalog/catalog-target.js';
import { ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { providedDatabase } from '../../catalog/provided-database.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { joinRole, roleState } from '../provisioning/login-role.js';
import { dedicatedTargetName, sharedTargetName } from '../provisioning/names.js';
import { ensureLoginRole } from '../provisioning/postgres-objects.js';
import { lockTarget } from '../provisioning/target-lock.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { AdoptionConflictError } from './adoption.errors.js';
import type { AdoptedPlaceOfTenants, AdoptedPlaces } from './adopted-places.js';
import type { AdoptionPlan } from './adoption-plan.js';

/** The connection targets of adopted databases, and their login roles. The databases themselves are never changed. */
@Injectable()
export class AdoptedTargets {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly keyRing: KeyRing,
    private readonly targets: TargetDatabases,
  ) {}

  /** The target of a place's database; undefined while there is none. */
  async find(
    places: AdoptedPlaces,
    plan: AdoptionPlan,
    { database }: AdoptedPlaceOfTenants,
  ): Promise<ConnectionTargetEntity | undefined> {
    const server = await places.server(plan);
    const found = await this.catalog.getRepository(ConnectionTargetEntity).findOneBy({ serverId: server.id, database });
    return found ? this.targets.find(found.id) : undefined;
  }

  /** Finds or records the target of a place, and makes its login role. @throws AdoptionConflictError, ConflictError */
  async ensure(
    places: AdoptedPlaces,
    plan: AdoptionPlan,
    place: AdoptedPlaceOfTenants,
  ): Promise<ConnectionTargetEntity> {
    const existing = await this.find(places, plan, place);
    if (existing) assertKind(existing, plan.layout);
    const target = existing ?? (await this.record(places, plan, place));
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    if (plan.layout === 'row' && target.rowSchema !== place.schema) {
      const others = await this.catalog
        .getRepository(TenantEntity)
        .existsBy({ targetId: target.id, isolation: 'row', schema: Not(place.schema) });
      if (!others) await targets.update(target.id, { rowSchema: place.schema });
    }
    if (!target.provided) await this.createRole(target);
    return this.targets.find(target.id);
  }

  /** Drops the login role with its rights, then forgets the target, unless it is needed for other tenants. */
  async forget(target: ConnectionTargetEntity): Promise<void> {
    const isNeeded = await this.catalog.getRepository(TenantEntity).existsBy({ targetId: target.id });
    if (isNeeded) return;
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    if (!target.adopted) return void (await targets.update(target.id, { rowSchema: null }));
    const role = pg.escapeIdentifier(target.role);
    const isOurs = await this.targets.use(target, async (client) => {
      if ((await roleState(client, { targetId: target.id, role: target.role })) !== 'ours') return false;
      await joinRole(client, target.role);
      await client.query(`DROP OWNED BY ${role}`);
      return true;
    });
    if (isOurs) {
      await this.adminConnections.use(this.owner.of(target.server), async (client) => {
        await lockTarget(client, target.id);
        await client.query(`DROP ROLE IF EXISTS ${role}`);
      });
    }
    await targets.delete(target.id);
  }

  private async record(
    places: AdoptedPlaces,
    plan: AdoptionPlan,
    { database, tenants }: AdoptedPlaceOfTenants,
  ): Promise<ConnectionTargetEntity> {
    const server = await places.server(plan);
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    const kind = plan.layout === 'database' ? 'dedicated' : 'shared';
    const other = kind === 'shared' ? await targets.findOneBy({ serverId: server.id, kind }) : null;
    if (other) {
      throw new AdoptionConflictError(
        `the row and schema tenants of the server ${plan.server} are in the database ${other.database} already: register the PostgreSQL server once more under another name (servers create), and adopt with --server`,
      );
    }
    const provided = kind === 'shared' && server.host === null ? providedDatabase(this.config) : undefined;
    if (provided && provided.database !== database) {
      throw new AdoptionConflictError(
        `TENANT_DATABASE_URL names the database ${provided.database}: let it name ${database}`,
      );
    }
    const name =
      kind === 'shared'
        ? sharedTargetName(this.catalogTarget.database)
        : dedicatedTargetName(this.catalogTarget.database, tenants[0]?.id ?? '');
    const [{ id }] = await this.catalog.query<[{ id: string }]>('SELECT gen_random_uuid() AS id');
    await targets.insert({
      ...{
        id,
        serverId: server.id,
        kind,
        database,
        role: provided?.role ?? name,
        version: 1,
        rowSchema: null,
        adopted: true,
      },
      provided: provided !== undefined,
      stampKeySealed: null,
      stampsEnforced: !(await targets.existsBy({ stampsEnforced: false })),
      passwordSealed: this.keyRing.encrypt(
        provided?.password ?? randomBytes(24).toString('base64url'),
        targetPasswordContext(id),
      ),
    });
    return this.targets.find(id);
  }

  private async createRole(target: ConnectionTargetEntity): Promise<void> {
    const password = this.keyRing.decrypt(target.passwordSealed, targetPasswordContext(target.id));
    await this.adminConnections.use(this.owner.of(target.server), async (client) => {
      await lockTarget(client, target.id);
      await ensureLoginRole(client, target, password);
    });
    await this.targets.use(target, async (client) => {
      const { rows } = await client.query<{ may: boolean }>(
        `SELECT has_database_privilege($1, current_database(), 'CONNECT') AS may`,
        [target.role],
      );
      if (rows[0]?.may) return;
      await client.query(
        `GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(target.database)} TO ${pg.escapeIdentifier(target.role)}`,
      );
    });
  }
}

/** @throws AdoptionConflictError */
function assertKind({ kind, database }: ConnectionTargetEntity, layout: AdoptionPlan['layout']): void {
  if ((kind === 'dedicated') === (layout === 'database')) return;
  throw new AdoptionConflictError(`the catalog has the database ${database} for tenants of another isolation`);
}
