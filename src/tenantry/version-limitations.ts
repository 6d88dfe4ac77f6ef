import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { isTypeorm03 } from '../platform/postgres/typeorm-versions.js';

/** Limitations of the installed version of TypeORM, and how to avoid them. */
export function limitationsOf(
  catalog: Pick<DataSource, 'manager'>,
  { typeorm = {} }: Pick<TenantSchema, 'typeorm'>,
): string[] {
  if (!isTypeorm03(catalog.manager)) return [];
  return [
    ...(typeorm.invalidWhereValuesBehavior
      ? []
      : [
          'TypeORM 0.3 ignores null and undefined in `where`: findOneBy({ id: undefined }) finds the first row. Set ' +
            "typeorm: { invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' } } in TenantryModule.forRoot",
        ]),
    ...(typeorm.relationLoadStrategy === 'query'
      ? [
          "TypeORM 0.3 fails with relationLoadStrategy: 'query' for relations inside embedded entities, where `order` or `select` " +
            'leaves the embedded entity out',
        ]
      : []),
  ];
}

/** Logs these limitations at the start. */
@Injectable()
export class VersionLimitations implements OnApplicationBootstrap {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
  ) {}

  onApplicationBootstrap(): void {
    const logger = new Logger('Tenantry');
    for (const limitation of limitationsOf(this.catalog, this.schema)) logger.warn(limitation);
  }
}
