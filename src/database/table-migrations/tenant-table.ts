import { escapeIdentifier } from 'pg';
import type { QueryRunner } from 'typeorm';
import { ASK_FOR_CITUS } from '../citus/citus.js';
import { createPoliciesSql } from '../isolation/tenant-policies.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import {
  fitsIdentifier,
  MAX_IDENTIFIER_BYTES,
  shortHash,
  truncatedIdentifier,
} from '../../platform/postgres/identifiers.js';

/** A table as its migration describes it, without tenant columns: `createTenantTable` adds the tenant isolation. */
export interface TenantTable {
  /** Column name -> its SQL type and constraints: `{ name: 'text NOT NULL' }`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Default: `['id']`. */
  readonly primaryKey?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  /** PostgreSQL does not index the referencing side: add to `indexes` every key whose parents are deleted or joined from. */
  readonly foreignKeys?: readonly TenantForeignKey[];
  readonly indexes?: readonly (readonly string[])[];
  /** Name -> SQL condition: `{ total: 'total >= 0' }`. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** A foreign key between tables of one tenant, where `tenant_id` is added to both sides, or to a reference table. */
export interface TenantForeignKey {
  readonly columns: readonly string[];
  readonly references: TenantReference | ReferenceTableReference;
  /**
   * Default: `NO ACTION`. `SET NULL` nulls the named columns only, never `tenant_id`. Of a reference table's rows, only the
   * owner deletes any: with `CASCADE` and `SET NULL` a published version that lacks a row changes tenants' rows.
   */
  readonly onDelete?: OnDelete;
}

/** What happens to the rows that refer to a deleted one. */
export type OnDelete = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL';

/** Another table of the same tenant. */
export interface TenantReference {
  readonly table: string;
  /** Default: `['id']`. */
  readonly columns?: readonly string[];
}

/** A table made by `createReferenceTable`: `tenant_id` takes no part in the key. */
export interface ReferenceTableReference {
  readonly referenceTable: string;
  /** Default: `['id']`. */
  readonly columns?: readonly string[];
}

/** Raised for an identifier of more than 63 bytes, which PostgreSQL would truncate silently. */
export class IdentifierTooLongError extends CodedError {
  readonly code = 'IDENTIFIER_TOO_LONG';

  constructor(identifier: string) {
    super(`"${identifier}" is longer than PostgreSQL's limit of ${MAX_IDENTIFIER_BYTES} bytes for a name`);
  }
}

/**
 * Fills `tenant_id` from the stamp, whose proof the policies check. An empty value counts as unset, because a
 * transaction-local setting leaves '' behind; an insert fails then.
 */
export const STAMPED_TENANT = `nullif(current_setting('app.tenant_id', true), '')::uuid`;

/**
 * Creates a table that keeps tenants apart: a `tenant_id` filled from the stamp; keys, foreign keys and indexes that start
 * with it; and policies that show and accept only the rows of the tenant whose stamp is proven.
 *
 * The schema is not named: `search_path` decides, so that one migration serves all isolations. Constraints are named as
 * PostgreSQL would name them without the tenant: `orders_pkey`, `orders_number_key`, `orders_customer_id_fkey`,
 * `orders_customer_id_idx`, `orders_total_check`.
 *
 * @throws IdentifierTooLongError
 */
export async function createTenantTable(runner: QueryRunner, name: string, table: TenantTable): Promise<void> {
  const [database] = (await runner.query(ASK_FOR_CITUS)) as [{ readonly hasCitus: boolean }];
  // One round trip instead of one per statement.
  await runner.query(tenantTableSql(name, table, database.hasCitus).join(';\n'));
}

function tenantTableSql(name: string, table: TenantTable, hasCitus: boolean): string[] {
  const quoted = quote(name);
  return [
    `CREATE TABLE ${quoted} (\n  ${tableElements(name, table).join(',\n  ')}\n)`,
    ...(table.indexes ?? []).map(
      (columns) => `CREATE INDEX ${constraintName(name, columns, 'idx')} ON ${quoted} ${tenantColumns(columns)}`,
    ),
    // Not FORCE: the owner is a separate role whose migrations work on the rows of all tenants, and the application's login
    // role is never the owner (checked when its pool connects).
    `ALTER TABLE ${quoted} ENABLE ROW LEVEL SECURITY`,
    ...createPoliciesSql(quoted, hasCitus),
  ];
}

/** Drops the table with its policies, keys and indexes. */
export async function dropTenantTable(runner: QueryRunner, name: string): Promise<void> {
  await runner.query(`DROP TABLE ${quote(name)}`);
}

function tableElements(name: string, table: TenantTable): string[] {
  return [
    `tenant_id uuid NOT NULL DEFAULT ${STAMPED_TENANT}`,
    ...Object.entries(table.columns).map(([column, type]) => `${quote(column)} ${type}`),
    `CONSTRAINT ${constraintName(name, [], 'pkey')} PRIMARY KEY ${tenantColumns(table.primaryKey ?? ['id'])}`,
    ...(table.unique ?? []).map(
      (columns) => `CONSTRAINT ${constraintName(name, columns, 'key')} UNIQUE ${tenantColumns(columns)}`,
    ),
    ...(table.foreignKeys ?? []).map((key) => foreignKeyElement(name, key)),
    ...Object.entries(table.checks ?? {}).map(
      ([check, condition]) => `CONSTRAINT ${constraintName(name, [check], 'check')} CHECK (${condition})`,
    ),
  ];
}

/** `CONSTRAINT … FOREIGN KEY …`, of a table that is created or altered. */
export function foreignKeyElement(
  name: string,
  { columns, references, onDelete = 'NO ACTION' }: TenantForeignKey,
): string {
  const isTenants = 'table' in references;
  const list = isTenants ? tenantColumns : columnList;
  const nulled = isTenants && onDelete === 'SET NULL' ? ` ${columnList(columns)}` : '';
  return `CONSTRAINT ${constraintName(name, columns, 'fkey')} FOREIGN KEY ${list(columns)}
    REFERENCES ${quote(referencedTable(references))} ${list(references.columns ?? ['id'])} ON DELETE ${onDelete}${nulled}`;
}

export function referencedTable(references: TenantForeignKey['references']): string {
  return 'table' in references ? references.table : references.referenceTable;
}

/** `("a", "b")` */
export function columnList(columns: readonly string[]): string {
  return `(${columns.map(quote).join(', ')})`;
}

/** `("tenant_id", …)` */
export function tenantColumns(columns: readonly string[]): string {
  return columnList(['tenant_id', ...columns]);
}

/** `table_columns_suffix`. A name that is too long is shortened with a hash of the whole, to stay stable and unique. */
export function constraintName(table: string, columns: readonly string[], suffix: string): string {
  const name = [table, ...columns, suffix].join('_');
  if (fitsIdentifier(name)) return quote(name);
  return quote(truncatedIdentifier(name, `_${shortHash(name, 8)}_${suffix}`));
}

/** @throws IdentifierTooLongError */
export function quote(identifier: string): string {
  if (!fitsIdentifier(identifier)) throw new IdentifierTooLongError(identifier);
  return escapeIdentifier(identifier);
}
