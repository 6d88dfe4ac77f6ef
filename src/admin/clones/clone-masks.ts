import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { maskProblems } from '../../database/copy/tables/mask-problems.js';
import type { ColumnMasks } from '../../database/table-migrations/tenant-schema/column-masks.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { CloneRefusedError } from './clone.errors.js';

/** Masked columns by table, as an operation has them; null for a clone that is not masked. */
export const maskedColumns = z.record(z.string(), z.array(z.string())).nullable();
export type MaskedColumns = z.infer<typeof maskedColumns>;

/** The masks that the application's domains declare. */
@Injectable()
export class CloneMasks {
  private readonly masks: ColumnMasks;

  constructor(@Inject(TENANT_SCHEMA) { masks = {} }: TenantSchema) {
    this.masks = masks;
  }

  /** The columns that a clone requested now is to be masked in. @throws ValidationFailedError when there are none */
  columns(): NonNullable<MaskedColumns> {
    const tables = Object.entries(this.masks).map(([table, columns]) => [table, Object.keys(columns)] as const);
    const columns = tables.filter(([, names]) => names.length > 0);
    if (columns.length === 0) {
      throw new ValidationFailedError([{ field: 'masked', message: 'the application declares no masks' }]);
    }
    return Object.fromEntries(columns);
  }

  /**
   * The masks for an operation. An instance of another release may have fewer of them than the one that took the request, and
   * must not copy what is to be masked.
   *
   * @throws CloneRefusedError when one is missing, or cannot be applied to the tables of the place
   */
  async for(requested: MaskedColumns, place: CopyPlace): Promise<ColumnMasks | undefined> {
    if (requested === null) return undefined;
    const declared = new Set(
      Object.entries(this.masks).flatMap(([table, columns]) => idsOf(table, Object.keys(columns))),
    );
    const missing = Object.entries(requested)
      .flatMap(([table, columns]) => idsOf(table, columns))
      .filter((id) => !declared.has(id));
    const problems = [
      ...missing.map((id) => `the mask of ${id} is not in this release of the application`),
      ...(await maskProblems(place, this.masks)),
    ];
    if (problems.length > 0) throw new CloneRefusedError(problems);
    return this.masks;
  }
}

function idsOf(table: string, columns: readonly string[]): string[] {
  return columns.map((column) => `${JSON.stringify(table)}.${JSON.stringify(column)}`);
}
