import { Injectable } from '@nestjs/common';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { ArchiveReader } from '../../database/archives/format/archive-reader.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { loadArchive } from '../../database/archives/load-archive.js';
import { withoutTriggers } from '../../database/copy/tables/user-triggers.js';
import type { ArchiveOptions } from '../../database/archives/write-archive.js';
import { ScratchTables } from './scratch-tables.js';

/** Fills scratch tables with an archive. */
@Injectable()
export class ScratchLoad {
  constructor(private readonly scratch: ScratchTables) {}

  /**
   * Makes tables of the archive's version, and loads its rows into them, as those of a tenant. Counts and hashes are compared.
   *
   * @throws as `ScratchTables.create` and `loadArchive` do
   */
  run(
    archive: ArchiveReader,
    { target, schema, tenantId }: { target: ConnectionTargetEntity; schema: string; tenantId: string },
    options: ArchiveOptions,
  ): Promise<ArchiveManifest> {
    const { signal } = options;
    return this.scratch.use(target, schema, signal, async (place) => {
      await this.scratch.create(place, target, archive.manifest.migrations, signal);
      await withoutTriggers(place, () => loadArchive(archive, place, tenantId, options));
      return archive.manifest;
    });
  }
}
