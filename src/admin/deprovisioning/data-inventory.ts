import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { tableSizes, type TableSize } from '../../database/copy/estimates/table-sizes.js';
import { TargetDatabases } from '../targets/target-databases.js';
import type { FoundData } from './erasure.schemas.js';
import { isMissingDatabase, type TenantPlace } from './place-removal.js';

/** Up to how many rows of a table that is dropped are counted: a drop takes a moment, a count reads every row. */
const EXACT_UP_TO = 1_000_000;

const REMOVED = { row: 'rows', schema: 'schema', database: 'database' } as const;

/** Counts what a tenant has at its place before it is removed. */
@Injectable()
export class DataInventory {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
  ) {}

  /** @param slug replaced by the tenant's pseudonym: names that former releases gave to schemas and databases contain it */
  async find(place: TenantPlace, slug: string, signal: AbortSignal): Promise<FoundData> {
    const { target, isolation, tenantId } = place;
    const sizes = await this.sizes(place, signal);
    const [names] = await this.catalog.query<[Pick<FoundData, 'database' | 'schema'>]>(
      `SELECT catalog_erased_text($1, $3, catalog_pseudonym($4)) AS database,
              catalog_erased_text($2, $3, catalog_pseudonym($4)) AS schema`,
      [target.database, place.schema, slug, tenantId],
    );
    return {
      removed: sizes ? REMOVED[isolation] : 'nothing',
      ...{ server: target.server.name, ...names },
      tables: (sizes ?? []).map(({ table, rows, isEstimated }) => ({ table, rows, isEstimated })),
    };
  }

  /** Undefined when provisioning failed before the database was created. */
  private async sizes(place: TenantPlace, signal: AbortSignal): Promise<readonly TableSize[] | undefined> {
    const { target, schema, isolation, tenantId } = place;
    // Rows of shared tables are read one by one anyway when they are deleted.
    const exactUpTo = isolation === 'row' ? Infinity : EXACT_UP_TO;
    const count = (client: pg.Client): Promise<TableSize[]> =>
      tableSizes({ client, schema, isAlone: isolation !== 'row' }, tenantId, { exactUpTo, timeoutMs: 0 });
    try {
      return await this.targets.use(target, count, { signal });
    } catch (error) {
      if (isMissingDatabase(error)) return undefined;
      throw error;
    }
  }
}
