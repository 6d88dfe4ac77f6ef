import type { QueryRunner } from 'typeorm';
import { createReferencePolicySql } from '../isolation/reference-policy.js';
import {
  columnList,
  constraintName,
  foreignKeyElement,
  type OnDelete,
  quote,
  type ReferenceTableReference,
} from './tenant-table.js';

/** A table as its migration describes it. Every tenant reads its rows, and none writes them. */
export interface ReferenceTable {
  /** Column name -> its SQL type and constraints: `{ code: 'char(2) NOT NULL' }`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Default: `['id']`. `ReferenceData.publish()` recognises rows by it. */
  readonly primaryKey?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  /** Name -> SQL condition: `{ code: "code ~ '^[A-Z]{2}$'" }`. */
  readonly checks?: Readonly<Record<string, string>>;
  /** To other reference tables. A reference table cannot refer to a tenant's rows. */
  readonly foreignKeys?: readonly ReferenceForeignKey[];
}

/** A foreign key between reference tables. */
export interface ReferenceForeignKey {
  readonly columns: readonly string[];
  readonly references: ReferenceTableReference;
  /** Default: `NO ACTION`. */
  readonly onDelete?: OnDelete;
}

/**
 * Creates a table that every tenant may read and none may write. It has no `tenant_id`, and stands once in each set of
 * tables: in the shared schema of row tenants, in each schema, in each database. Joins and foreign keys of tenant tables
 * (`references: { referenceTable }`) work in all isolations therefore.
 *
 * The schema is not named: `search_path` decides. Constraints are named as PostgreSQL would name them.
 *
 * @throws IdentifierTooLongError
 */
export async function createReferenceTable(runner: QueryRunner, name: string, table: ReferenceTable): Promise<void> {
  await runner.query(referenceTableSql(name, table).join(';\n'));
}

/** Drops the table with its policy, keys and indexes. Foreign keys of tenant tables must be gone. */
export async function dropReferenceTable(runner: QueryRunner, name: string): Promise<void> {
  await runner.query(`DROP TABLE ${quote(name)}`);
}

function referenceTableSql(name: string, table: ReferenceTable): string[] {
  const quoted = quote(name);
  return [
    `CREATE TABLE ${quoted} (\n  ${tableElements(name, table).join(',\n  ')}\n)`,
    ...(table.indexes ?? []).map(
      (columns) => `CREATE INDEX ${constraintName(name, columns, 'idx')} ON ${quoted} ${columnList(columns)}`,
    ),
    // Not FORCE, as for tenant tables: migrations and `ReferenceData.publish()` write as the owner.
    `ALTER TABLE ${quoted} ENABLE ROW LEVEL SECURITY`,
    createReferencePolicySql(quoted),
  ];
}

function tableElements(name: string, table: ReferenceTable): string[] {
  return [
    ...Object.entries(table.columns).map(([column, type]) => `${quote(column)} ${type}`),
    `CONSTRAINT ${constraintName(name, [], 'pkey')} PRIMARY KEY ${columnList(table.primaryKey ?? ['id'])}`,
    ...(table.unique ?? []).map(
      (columns) => `CONSTRAINT ${constraintName(name, columns, 'key')} UNIQUE ${columnList(columns)}`,
    ),
    ...(table.foreignKeys ?? []).map((key) => foreignKeyElement(name, key)),
    ...Object.entries(table.checks ?? {}).map(
      ([check, condition]) => `CONSTRAINT ${constraintName(name, [check], 'check')} CHECK (${condition})`,
    ),
  ];
}
