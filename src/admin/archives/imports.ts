import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager, SelectQueryBuilder } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { readThrough } from '../../database/archives/read-through.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { TenantCreation } from '../tenants/tenant-creation.js';
import type { NewTenant } from '../tenants/tenant.schemas.js';
import type { ArchiveSource } from './archive.schemas.js';
import { ArchiveSources } from './archive-sources.js';
import { ImportKind } from './import.kind.js';
import { ScratchTables } from './scratch-tables.js';

/** What the audit log says of an archive. */
type ArchiveOrigin = { readonly tenant: { readonly slug: string } } & Pick<ArchiveManifest, 'takenAt'>;

/** Requests tenants that are made of archives. */
@Injectable()
export class Imports {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly creation: TenantCreation,
    private readonly sources: ArchiveSources,
    private readonly kind: ImportKind,
    private readonly kinds: OperationKinds,
    private readonly scratch: ScratchTables,
  ) {}

  /**
   * Reads an archive to its end, so that one that is not as it was written makes nothing.
   *
   * @throws the errors of ArchiveReader, ArchiveTablesError when it has migrations that the code lacks, the signal's reason
   */
  verify(source: ArchiveSource, signal: AbortSignal): Promise<ArchiveManifest> {
    return this.sources.use(source, signal, async (archive) => {
      this.scratch.assertKnown(archive.manifest.migrations);
      await readThrough(archive, signal);
      return archive.manifest;
    });
  }

  /**
   * Creates the tenant and the operation, or finds the one that was interrupted.
   *
   * @throws the errors of TenantCreation.create
   */
  async requestOrResume(
    options: NewTenant,
    source: ArchiveSource,
    origin: ArchiveOrigin,
    actor: Actor,
  ): Promise<OperationEntity> {
    const interrupted = await this.interrupted(options.slug, source);
    return interrupted ?? this.catalog.transaction((catalog) => this.request(catalog, options, source, origin, actor));
  }

  /** Creates the tenant and the operation. @throws the errors of TenantCreation.create */
  async request(
    catalog: EntityManager,
    options: NewTenant,
    source: ArchiveSource,
    origin: ArchiveOrigin,
    actor: Actor,
  ): Promise<OperationEntity> {
    const { operation } = await this.creation.create(
      catalog,
      options,
      {
        kind: this.kind,
        input: (serverId) => ({ serverId, source }),
        action: 'tenant.import',
        details: { from: { slug: origin.tenant.slug, takenAt: origin.takenAt } },
        requires: [this.sources.requirementOf(source)],
      },
      actor,
    );
    return operation;
  }

  /** Hooks of the application that an import calls, and this process cannot: one of an instance that can is left to it. */
  get missingHooks(): readonly string[] {
    return this.kind.hooks.filter((name) => !this.kinds.runnableHooks.includes(name));
  }

  /** The key of the object of which a tenant is being made, if it begins with a prefix. */
  async objectOfInterrupted(slug: string, prefix: string): Promise<string | undefined> {
    const found = await this.underWay(slug)
      .andWhere(`starts_with(o.input -> 'source' ->> 'key', :prefix)`, { prefix })
      .getOne();
    const source = found && this.kind.input.parse(found.input).source;
    return source?.kind === 'object' ? source.key : undefined;
  }

  private interrupted(slug: string, source: ArchiveSource): Promise<OperationEntity | null> {
    return this.underWay(slug)
      .andWhere(`o.input -> 'source' = :source::jsonb`, { source: JSON.stringify(source) })
      .getOne();
  }

  private underWay(slug: string): SelectQueryBuilder<OperationEntity> {
    return this.catalog
      .getRepository(OperationEntity)
      .createQueryBuilder('o')
      .innerJoin(TenantEntity, 't', 't.id = o.tenantId')
      .where(`o.kind = :kind AND o.status IN ('pending', 'running') AND t.slug = :slug`, {
        kind: this.kind.name,
        slug,
      });
  }
}
