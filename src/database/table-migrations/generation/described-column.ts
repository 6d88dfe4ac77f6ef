import { escapeLiteral } from 'pg';
import type { DataSource, EntityMetadata } from 'typeorm';

type ColumnMetadata = EntityMetadata['columns'][number];
type Driver = DataSource['driver'];

/** The column's SQL type and constraints, as `createTenantTable` takes them. */
export function columnDefinition(column: ColumnMetadata, driver: Driver): string {
  const parts = [columnType(column, driver), collation(column)];
  if (column.generatedType === 'STORED') parts.push(`GENERATED ALWAYS AS (${column.asExpression}) STORED`);
  else {
    if (!isNullable(column)) parts.push('NOT NULL');
    parts.push(valueOfDatabase(column, driver));
  }
  return parts.filter((part) => part !== '').join(' ');
}

/** `character varying(200)`, `timestamp(3) with time zone[]`; a text for the values of an enum, which a check limits. */
function columnType(column: ColumnMetadata, driver: Driver): string {
  const type = isEnum(column) ? 'text' : driver.normalizeType(column);
  const { precision, scale } = column;
  const length = Number(driver.getColumnLength(column));
  const sizes = [length > 0 ? length : precision, scale].filter((size) => size != null);
  const size = sizes.length > 0 && !isEnum(column) ? `(${sizes.join(', ')})` : '';
  const sized = /^time/.test(type) ? type.replace(/^\w+/, `$&${size}`) : `${type}${size}`;
  return `${sized}${column.isArray ? '[]' : ''}`;
}

/** The condition that holds a column to an enum's values; undefined for other columns. */
export function enumCheck(column: ColumnMetadata): string | undefined {
  if (!isEnum(column) || !column.enum) return undefined;
  const values = column.enum.map((value) => escapeLiteral(String(value))).join(', ');
  const name = `"${column.databaseName.replaceAll('"', '""')}"`;
  return column.isArray ? `${name} <@ ARRAY[${values}]` : `${name} IN (${values})`;
}

/** What no definition expresses; undefined when there is nothing. */
export function inexpressible(column: ColumnMetadata): string | undefined {
  if (column.generatedType === 'VIRTUAL') return 'is a virtual generated column';
  if (column.isGenerated && column.generationStrategy === 'rowid') return 'is generated as a row id';
  return undefined;
}

function isNullable({ isNullable: isMapped, isDeleteDate }: ColumnMetadata): boolean {
  return isMapped || isDeleteDate;
}

function isEnum({ type }: ColumnMetadata): boolean {
  return type === 'enum' || type === 'simple-enum';
}

function collation({ collation: name }: ColumnMetadata): string {
  return name ? `COLLATE "${name}"` : '';
}

/** An identity, not a serial: its sequence needs no grant. */
function valueOfDatabase(column: ColumnMetadata, driver: Driver): string {
  const { isGenerated, generatedIdentity = 'BY DEFAULT' } = column;
  const generationStrategy: string | undefined = column.generationStrategy; // typed without 'identity'
  const isIdentity = generationStrategy === 'increment' || generationStrategy === 'identity';
  if (isGenerated && isIdentity) return `GENERATED ${generatedIdentity} AS IDENTITY`;
  if (isGenerated && generationStrategy === 'uuid') return 'DEFAULT gen_random_uuid()';
  const value: unknown = column.default;
  const isText = typeof value === 'string' || (Array.isArray(value) && !column.isArray);
  const literal = isText ? escapeLiteral(String(value)) : driver.normalizeDefault(column);
  return literal === undefined ? '' : `DEFAULT ${literal}`;
}
