import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';

/** The databases of connection targets, as their owner sees them. */
@Injectable()
export class TargetDatabases {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
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
}
