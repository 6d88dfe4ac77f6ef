import type { CatalogAccess } from '../../catalog/catalog-access.js';
import { type ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { ServerOwner } from '../../catalog/server-owner.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import type { KeyRing } from '../../platform/encryption/key-ring.js';
import type { Questions } from './query-server.js';
import type { Finding } from './finding.js';
import type { ServerState } from './server-state.js';

/** What is there without asking anybody. */
export interface Configured {
  readonly loaded: LoadedConfig;
  readonly schema: TenantSchema;
}

/** A catalog that answers and has its tables, and what it says of servers and targets. */
export interface Diagnosis extends Configured {
  readonly access: CatalogAccess;
  readonly catalog: Questions;
  readonly options: PoolOptions;
  readonly keyRing: KeyRing;
  readonly owner: ServerOwner;
  readonly servers: readonly ServerState[];
  readonly targets: readonly TargetOfServer[];
}

export type TargetOfServer = ConnectionTargetEntity & { readonly server: ServerEntity };

/** Looks at one thing. What it throws becomes a failure of its own, and ends nothing else. */
export interface Check<Of> {
  readonly name: string;
  look(of: Of): Promise<readonly Finding[]> | readonly Finding[];
}

/** The way into a target as the application takes it, around a pooler. @throws SealBrokenError */
export function loginOf(target: TargetOfServer, { owner, keyRing }: Diagnosis): ConnectionTarget {
  const { id, role, database, passwordSealed } = target;
  const { server } = owner.of(target.server);
  const password = keyRing.decrypt(passwordSealed, targetPasswordContext(id));
  return { id, version: '1', shared: target.kind === 'shared', server, database, role, password };
}
