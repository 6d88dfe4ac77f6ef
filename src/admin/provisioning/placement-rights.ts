import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { providedDatabase } from '../../catalog/provided-database.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { MissingServerRightsError } from './provisioning.errors.js';

interface OwnerRights {
  readonly databases: boolean;
  readonly roles: boolean;
  readonly schemas: boolean;
}

// NULL when there is no database of that name.
const RIGHTS = `
  SELECT rolsuper OR rolcreatedb AS databases, rolsuper OR rolcreaterole AS roles,
         coalesce((SELECT has_database_privilege(oid, 'CREATE') FROM pg_database WHERE datname = $1), false) AS schemas
  FROM pg_roles WHERE rolname = current_user`;

/** What the owner of the catalog's server needs for a tenant, where an operator makes databases and roles. */
@Injectable()
export class PlacementRights {
  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /**
   * The owner of any other server had to have all rights when it was registered.
   *
   * @returns the error of a request for such a tenant; undefined when the rights are sufficient
   */
  async missing(
    catalog: EntityManager,
    { host }: Pick<ServerEntity, 'host'>,
    isolation: Isolation,
  ): Promise<MissingServerRightsError | undefined> {
    const provided = providedDatabase(this.config);
    if (!provided || host !== null || isolation === 'row') return undefined; // those of shared tables are checked at start
    const [rights] = await catalog.query<OwnerRights[]>(RIGHTS, [provided.database]);
    const missing = missingFor(isolation, rights ?? { databases: false, roles: false, schemas: false });
    return missing.length > 0 ? new MissingServerRightsError(`isolation ${isolation}`, missing) : undefined;
  }

  /** The same of many servers: the ids of those where rights are missing. */
  async serversWithout(
    catalog: EntityManager,
    servers: readonly Pick<ServerEntity, 'id' | 'host'>[],
    isolation: Isolation,
  ): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const server of servers) if (await this.missing(catalog, server, isolation)) ids.add(server.id);
    return ids;
  }
}

function missingFor(isolation: 'schema' | 'database', { databases, roles, schemas }: OwnerRights): string[] {
  if (isolation === 'schema') return schemas ? [] : ['CREATE on the database of TENANT_DATABASE_URL'];
  return [...(databases ? [] : ['CREATEDB']), ...(roles ? [] : ['CREATEROLE'])];
}
