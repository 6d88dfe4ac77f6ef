import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog-data-source.js';

interface Row {
  readonly digest: string;
  readonly names: readonly string[];
}

const READ = 'SELECT digest, names FROM migration_sets';

/** The names behind the digests in `tenants.migration_set`. A set never changes, so what was read once is kept. */
@Injectable()
export class MigrationSets {
  private readonly known = new Map<string, readonly string[]>();

  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** The names of the set; undefined when the catalog does not have it. */
  async find(digest: string): Promise<readonly string[] | undefined> {
    if (!this.known.has(digest)) this.keep(await this.catalog.query<Row[]>(`${READ} WHERE digest = $1`, [digest]));
    return this.known.get(digest);
  }

  /** All sets, by digest. There is one for each release that tenants have been migrated to. */
  async all(): Promise<ReadonlyMap<string, readonly string[]>> {
    this.keep(await this.catalog.query<Row[]>(READ));
    return this.known;
  }

  private keep(rows: readonly Row[]): void {
    for (const { digest, names } of rows) this.known.set(digest, names);
  }
}
