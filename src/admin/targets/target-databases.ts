import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import {
  ConnectionTargetEntity,
  stampKeyContext,
  targetPasswordContext,
} from '../../catalog/entities/connection-target.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import type { StampKey } from '../../database/isolation/stamp-key.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';

/** The databases of connection targets, as their owner and their login role see them. */
@Injectable()
export class TargetDatabases {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly keyRing: KeyRing,
  ) {}

  /** The target with its server. @throws EntityNotFoundError */
  find(id: string): Promise<ConnectionTargetEntity> {
    return this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOneOrFail({ where: { id }, relations: { server: true } });
  }

  /** All targets with their servers, ordered by database. */
  all(): Promise<ConnectionTargetEntity[]> {
    return this.catalog
      .getRepository(ConnectionTargetEntity)
      .find({ relations: { server: true }, order: { database: 'ASC', id: 'ASC' } });
  }

  /**
   * Runs `work` on an admin connection to the target's database.
   *
   * @throws the errors of `AdminConnections.use`
   */
  use<T>(
    { server, database }: ConnectionTargetEntity,
    work: (client: pg.Client) => Promise<T>,
    options?: { readonly signal: AbortSignal },
  ): Promise<T> {
    return this.adminConnections.use(this.owner.of(server, database), work, options);
  }

  /**
   * Runs `work` on a connection of the target's login role, which the policies bind.
   *
   * @param work.key signs stamps; undefined while the database has none
   * @throws the errors of `AdminConnections.use`, DecryptionError
   */
  useAsLogin<T>(
    { id, role, server, database, passwordSealed, stampKeySealed }: ConnectionTargetEntity,
    work: (client: pg.Client, key: StampKey | undefined) => Promise<T>,
    options?: { readonly signal: AbortSignal },
  ): Promise<T> {
    const password = this.keyRing.decrypt(passwordSealed, targetPasswordContext(id));
    const key = stampKeySealed === null ? undefined : this.keyRing.decrypt(stampKeySealed, stampKeyContext(id));
    const login = { ...this.owner.of(server, database), role, password, shared: true };
    return this.adminConnections.use(login, (client) => work(client, key), options);
  }
}
