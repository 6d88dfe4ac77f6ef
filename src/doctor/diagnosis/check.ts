import type { CatalogAccess } from '../../catalog/catalog-access.js';
import { type ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { ServerOwner } from '../../catalog/server-owner.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import type { KeyRing } from '../../platform/encryption/key-ring.js';
import type { Queryable } from './query-server.js';
import type { Finding } from './finding.js';
import type { ServerState } from './server-state.js';

/** Available without any connection. */
export interface ConfigContext {
  readonly loaded: LoadedConfig;
  readonly schema: TenantSchema;
}

/** A reachable, fully migrated catalog, with its servers and connection targets. */
export interface CatalogContext extends ConfigContext {
  readonly access: CatalogAccess;
  readonly catalog: Queryable;
  readonly options: PoolOptions;
  readonly keyRing: KeyRing;
  readonly owner: ServerOwner;
  readonly servers: readonly ServerState[];
  readonly targets: readonly TargetOfServer[];
}

export type TargetOfServer = ConnectionTargetEntity & { readonly server: ServerEntity };

/** One check of the doctor. A thrown error is reported as a failure of this check; the other checks still run. */
export interface Check<Context> {
  /** The `check` of its findings. */
  readonly name: string;
  run(context: Context): Promise<readonly Finding[]> | readonly Finding[];
}

/** The target with its decrypted password, for a direct connection around any pooler. @throws DecryptionError */
export function loginOf(target: TargetOfServer, { owner, keyRing }: CatalogContext): ConnectionTarget {
  const { id, role, database, passwordSealed } = target;
  const { server } = owner.of(target.server);
  const password = keyRing.decrypt(passwordSealed, targetPasswordContext(id));
  return { id, version: '1', shared: target.kind === 'shared', server, database, role, password };
}
