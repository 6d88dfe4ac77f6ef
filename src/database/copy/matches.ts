import pg from 'pg';
import type { CopiedReference, CopiedTable } from './tables/copied-tables.js';

/** A condition that two rows have the same key, by the operators of its index, whatever the search path is. */
export function keyMatch({ keyColumns }: CopiedTable, left: string, right: string): string {
  return keyColumns
    .map(({ name, equals }) => [pg.escapeIdentifier(name), equals] as const)
    .map(([name, equals]) => `${left}.${name} ${equals} ${right}.${name}`)
    .join(' AND ');
}

/** A condition that a row of the child refers to a row of the parent, by the operators of the foreign key. */
export function referenceMatch(
  { columns, parentColumns, operators }: CopiedReference,
  parent: string,
  child: string,
): string {
  return columns
    .map(
      (column, n) => [pg.escapeIdentifier(parentColumns[n] ?? ''), operators[n], pg.escapeIdentifier(column)] as const,
    )
    .map(([parentColumn, equals, column]) => `${parent}.${parentColumn} ${equals} ${child}.${column}`)
    .join(' AND ');
}
