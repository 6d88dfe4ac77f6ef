import { Inject, Injectable } from '@nestjs/common';
import { type ConnectionTarget, networkAddressOf } from '../database/connection/connection-target.js';
import { KeyRing } from '../platform/encryption/key-ring.js';
import { CATALOG_TARGET } from './catalog-target.js';
import type { ServerEntity } from './entities/server.entity.js';

/** The encryption context of a server's owner password. */
export function ownerPasswordContext(serverId: string): string {
  return `servers:${serverId}:owner_password_sealed`;
}

/** The role that creates databases, roles and tables on a server. Never used to serve tenants. */
@Injectable()
export class ServerOwner {
  constructor(
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    private readonly keyRing: KeyRing,
  ) {}

  /** The owner's connection target for a database of the server; by default the one used for administration. */
  of(server: ServerEntity, database?: string): ConnectionTarget {
    const { id, host, port, tls, furtherAddresses, ownerRole, ownerPasswordSealed } = server;
    if (host === null || port === null || ownerRole === null || ownerPasswordSealed === null) {
      return { ...this.catalogTarget, id, database: database ?? this.catalogTarget.database };
    }
    return {
      id,
      version: '1',
      shared: false,
      server: { id, ...networkAddressOf({ host, port, tls, furtherAddresses }) },
      database: database ?? 'postgres',
      role: ownerRole,
      password: this.keyRing.decrypt(ownerPasswordSealed, ownerPasswordContext(id)),
    };
  }
}
