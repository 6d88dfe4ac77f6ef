import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { type Actor, TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { Operations } from '../../operations/operations.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { NotFoundError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { ReferenceTableMissingError } from '../reference-rows/reference-rows.errors.js';
import { quotedList, readFacts, rowsOfJson } from '../reference-rows/reference-table-facts.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { PUBLISH_KIND, PublishReferenceDataKind, subjectOf } from './publish-reference-data.kind.js';
import { publishedTable, referenceRows, type ReferenceRowList } from './reference-data.schemas.js';
import type { ReferenceTableList } from './reference-data.views.js';
import { readReferenceTables, ReferencePlaces } from './reference-places.js';

/** A version of a reference table that is on its way to all tenants. */
export interface PublishedVersion {
  readonly table: string;
  /** Counted from 1, per table. */
  readonly version: number;
  /** The operation that writes it to each set of tables. */
  readonly operationId: string;
}

const NEWEST = `
  SELECT version, checksum FROM reference_versions WHERE table_name = $1 ORDER BY version DESC LIMIT 1`;

/** Of the former version, which is not written any more. */
const DROP_ROWS = 'UPDATE reference_versions SET rows = NULL WHERE table_name = $1 AND rows IS NOT NULL';

const ADD_VERSION = `
  INSERT INTO reference_versions (table_name, version, rows, row_count, checksum, published_by)
  VALUES ($1, $2, $3::jsonb, $4, $5, $6)`;

/** Of schemas that are gone. */
const FORGET_GONE = `
  DELETE FROM reference_places p WHERE table_name = $1 AND NOT EXISTS (
    SELECT FROM tenants t WHERE t.target_id = p.target_id AND t.schema_name = p.schema_name)`;

/** Changes the rows of reference tables for all tenants. */
@Injectable()
export class ReferenceData {
  /** @internal */
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly operations: Operations,
    private readonly kind: PublishReferenceDataKind,
    private readonly places: ReferencePlaces,
    private readonly targets: TargetDatabases,
    private readonly audit: AuditLog,
    private readonly runner: OperationRunner,
  ) {}

  /**
   * Publishes all rows of a reference table as its next version. An operation writes it to each set of tables, in one
   * transaction each: rows that it lacks are deleted, others inserted or updated. Tenants that are created from now on begin
   * with it. The same rows as the newest version make no new one, and reach the sets of tables that lack it.
   *
   * @param table made by `createReferenceTable`
   * @param rows objects with the same columns, the primary key among them: at most 20,000, and 8 MiB as JSON
   * @throws ValidationFailedError when rows do not fit the table, NotFoundError when no tenant has the table yet, ConflictError while the
   *   same version is being published, TargetUnavailableError when no tenant's tables can be reached
   */
  async publish(
    table: string,
    rows: readonly Readonly<Record<string, unknown>>[],
    actor: Actor = TENANTRY_ACTOR,
  ): Promise<PublishedVersion> {
    const { name, list } = await this.checked(table, rows);
    const operation = await this.catalog.transaction((catalog) => this.create(catalog, name, list, actor));
    this.runner.wake();
    const { version } = operation.input as { version: number };
    return { table: name, version, operationId: operation.id };
  }

  /** The published tables, with the places that lack their newest version. */
  async list(): Promise<ReferenceTableList> {
    const tables = await readReferenceTables(this.catalog);
    return {
      items: tables.map(({ publishedAt, ...table }) => ({ ...table, publishedAt: publishedAt.toISOString() })),
    };
  }

  /**
   * Parses rows, and compares them with the table as tenants have it.
   *
   * @internal
   */
  async checked(table: unknown, rows: unknown): Promise<{ readonly name: string; readonly list: ReferenceRowList }> {
    const { table: name } = parseOrThrow(publishedTable, { table });
    const list = parseOrThrow(referenceRows, rows);
    let missing: ReferenceTableMissingError | undefined;
    let unreachable: unknown;
    for (const { targetId, schema } of await this.places.samples()) {
      try {
        const target = await this.targets.find(targetId);
        await this.targets.use(target, (client) => assertFits(client, schema, name, list));
        return { name, list };
      } catch (error) {
        if (error instanceof ValidationFailedError) throw error;
        if (error instanceof ReferenceTableMissingError) missing = error;
        else unreachable = error;
      }
    }
    if (unreachable !== undefined && !missing) throw unreachable;
    throw new NotFoundError(`reference table ${name} of any tenant`);
  }

  /**
   * Adds the version and the operation, in the transaction of the request.
   *
   * @internal
   */
  async create(catalog: EntityManager, table: string, rows: ReferenceRowList, actor: Actor): Promise<OperationEntity> {
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
      LOCK_NAMES.operationOf(`${PUBLISH_KIND} ${table}`),
    ]);
    const [newest] = await catalog.query<{ version: number; checksum: string }[]>(NEWEST, [table]);
    const checksum = checksumOf(rows);
    const isSame = newest?.checksum === checksum;
    const version = isSame ? newest.version : (newest?.version ?? 0) + 1;
    if (!isSame) {
      await catalog.query(DROP_ROWS, [table]);
      await catalog.query(ADD_VERSION, [table, version, JSON.stringify(rows), rows.length, checksum, actor.name]);
      await this.audit.record(catalog, {
        actor,
        action: 'reference-data.publish',
        subjectKind: 'reference-table',
        subjectId: table,
        subject: table,
        before: { version: newest?.version ?? null },
        after: { version, rows: rows.length, checksum },
      });
    }
    await catalog.query(FORGET_GONE, [table]);
    const input = { table, version, catchUps: 0 };
    return this.operations.create(
      catalog,
      { kind: this.kind, input, tenantId: null, subject: subjectOf(input) },
      actor,
    );
  }
}

/** Of the rows in their order, whatever the order of their columns. */
function checksumOf(rows: ReferenceRowList): string {
  const sorted = rows.map((row) => Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 32);
}

async function assertFits(client: pg.ClientBase, schema: string, table: string, rows: ReferenceRowList): Promise<void> {
  const facts = await readFacts(client, schema, table);
  const columns = Object.keys(rows[0] ?? {});
  const problems = [
    ...columns.filter((column) => !facts.columns.includes(column)).map((column) => `${table} has no column ${column}`),
    ...facts.primaryKey
      .filter((column) => !columns.includes(column))
      .map((column) => `lack ${column}, part of the key`),
  ];
  if (problems.length > 0) throw new ValidationFailedError(problems.map((message) => ({ field: 'rows', message })));
  const key = quotedList(facts.primaryKey);
  const text = `SELECT count(*)::int AS rows, count(DISTINCT (${key}))::int AS keys, count(*) FILTER (WHERE num_nulls(${key}) > 0)::int AS nulls
    FROM (SELECT * FROM ${rowsOfJson(facts)} OFFSET 0) r`;
  try {
    const result = await client.query<{ rows: number; keys: number; nulls: number }>(text, [JSON.stringify(rows)]);
    const counted = result.rows[0];
    if (counted && (counted.keys < counted.rows || counted.nulls > 0)) {
      throw new ValidationFailedError([{ field: 'rows', message: `must each have a key (${key}) of their own` }]);
    }
  } catch (error) {
    // The values are the caller's own.
    if (error instanceof pg.DatabaseError && error.code?.startsWith('22') === true) {
      throw new ValidationFailedError([{ field: 'rows', message: error.message }]);
    }
    throw error;
  }
}
