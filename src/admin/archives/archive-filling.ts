import { Injectable } from '@nestjs/common';
import type { OperationRun, OperationStep } from '../../operations/operation-kind.js';
import type { ArchiveSource } from './archive.schemas.js';
import { ArchiveSources } from './archive-sources.js';
import { type ArchiveGoal, ScratchCopy } from './scratch-copy.js';
import { ScratchLoad } from './scratch-load.js';
import { ScratchTables, scratchSchemaName } from './scratch-tables.js';
import { rowsIn } from './tenant-archives.js';

/** What operations differ in that fill a tenant's place with an archive. */
export interface FilledPlace<Input> {
  /** Where the rows go; its tables are there already, and at the version of the application. */
  readonly goalOf: (run: OperationRun<Input>) => Promise<ArchiveGoal>;
  readonly sourceOf: (input: Input) => ArchiveSource;
}

/**
 * Fills a tenant's place with an archive: its rows go into scratch tables of the archive's version, which are migrated to the
 * version of the application, and from there to the place, whichever isolation it has, and whatever the archive's version is.
 */
@Injectable()
export class ArchiveFilling {
  constructor(
    private readonly sources: ArchiveSources,
    private readonly scratch: ScratchTables,
    private readonly loading: ScratchLoad,
    private readonly copying: ScratchCopy,
  ) {}

  /** Each can run again. */
  steps<Input>(place: FilledPlace<Input>): OperationStep<Input>[] {
    return [
      { name: 'load', run: (run) => this.load(run, place) },
      { name: 'migrate-rows', run: (run) => this.migrateRows(run, place) },
      { name: 'copy', run: (run) => this.copy(run, place) },
      { name: 'drop-scratch', run: (run) => this.dropScratch(run, place) },
    ];
  }

  private async load<Input>(run: OperationRun<Input>, { goalOf, sourceOf }: FilledPlace<Input>): Promise<void> {
    const { id, signal, reportProgress: onProgress } = run;
    const goal = { ...(await goalOf(run)), schema: scratchSchemaName(id) };
    const manifest = await this.sources.use(sourceOf(run.input), signal, (archive) =>
      this.loading.run(archive, goal, { signal, onProgress }),
    );
    await run.addResult({ takenAt: manifest.takenAt, tables: manifest.tables.length, rows: rowsIn(manifest) });
  }

  private async migrateRows<Input>(run: OperationRun<Input>, { goalOf }: FilledPlace<Input>): Promise<void> {
    const { id, signal } = run;
    const { target } = await goalOf(run);
    await this.scratch.use(target, scratchSchemaName(id), signal, (scratch) =>
      this.scratch.migrate(scratch, target, signal),
    );
  }

  private async copy<Input>(run: OperationRun<Input>, { goalOf }: FilledPlace<Input>): Promise<void> {
    const { id, signal, reportProgress: onProgress } = run;
    await this.copying.run(scratchSchemaName(id), await goalOf(run), { signal, onProgress });
  }

  private async dropScratch<Input>(run: OperationRun<Input>, { goalOf }: FilledPlace<Input>): Promise<void> {
    const { target } = await goalOf(run);
    await this.scratch.drop(target, scratchSchemaName(run.id), run.signal);
  }
}
