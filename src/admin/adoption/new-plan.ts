import { randomUUID } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { Injectable } from '@nestjs/common';
import {
  inspectTables,
  type InspectedTable,
} from '../../database/table-migrations/adoption/inspection/inspected-tables.js';
import { isKeyType, qualified } from '../../database/table-migrations/adoption/inspection/tenant-keys.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { AdoptedTenantsError } from './adoption.errors.js';
import { AdoptedPlaces } from './adopted-places.js';
import { type AdoptionPlan, adoptionPlan } from './adoption-plan.js';

/** What a user says about an existing application. */
export interface PlanRequest {
  readonly layout: AdoptionPlan['layout'];
  readonly server: string;
  readonly database: string;
  readonly schema: string;
  readonly migration: string;
  readonly query?: string | undefined;
  readonly pattern?: string | undefined;
  readonly tenantColumn?: string | undefined;
  readonly tenantsTable?: string | undefined;
  readonly slugColumn?: string | undefined;
  readonly columns: Readonly<Record<string, string>>;
  readonly leftOut: readonly string[];
}

/** Columns that hold what can be a slug, the best first. */
const SLUG_COLUMNS = ['slug', 'subdomain', 'handle', 'code', 'key', 'name', 'title'];

/** Completes what a user says by what the database has. */
@Injectable()
export class NewPlan {
  constructor(private readonly places: AdoptedPlaces) {}

  /** @throws AdoptedTenantsError, NotFoundError, ValidationFailedError */
  async of(request: PlanRequest): Promise<AdoptionPlan> {
    const { layout, server, database, schema, migration, columns, leftOut } = request;
    const common = { version: 1, layout, server, database, schema, migration, columns, leftOut };
    const keys = { kind: 'hashed', namespace: randomUUID() };
    if (layout !== 'row') return parseOrThrow(adoptionPlan, { ...common, keys, tenants: tenantsOf(request) });
    const tables = await this.places.use({ server }, database, (client) => inspectTables(client, schema));
    const { tenantColumn } = request;
    if (tenantColumn === undefined)
      throw new AdoptedTenantsError('name the column with the tenant with --tenant-column');
    const tenantsTable = findTenantsTable(tables, request);
    const type = typeOf(tables, tenantsTable, tenantColumn);
    return parseOrThrow(adoptionPlan, {
      ...common,
      tenantColumn,
      ...(tenantsTable && { tenantsTable }),
      keys: type === 'uuid' ? { kind: 'uuid' } : keys,
      tenants:
        request.query === undefined
          ? { query: queryFor(tables, schema, tenantsTable, request) }
          : { query: request.query },
    });
  }
}

function tenantsOf({ query, pattern }: PlanRequest): AdoptionPlan['tenants'] {
  if (query !== undefined) return { query };
  if (pattern !== undefined) return { pattern };
  throw new AdoptedTenantsError('say which tenants there are, with --pattern or --tenants');
}

/** The table that the tenant column refers to, unless one is given. */
function findTenantsTable(
  tables: readonly InspectedTable[],
  { tenantColumn, tenantsTable }: PlanRequest,
): AdoptionPlan['tenantsTable'] {
  if (tenantsTable !== undefined) {
    const primary = tables
      .find(({ name }) => name === tenantsTable)
      ?.constraints.find(({ kind, columns }) => kind === 'p' && columns.length === 1);
    return { table: tenantsTable, column: primary?.columns[0] ?? 'id' };
  }
  const references = tables
    .flatMap(({ constraints }) => constraints)
    .find(({ kind, columns }) => kind === 'f' && columns.length === 1 && columns[0] === tenantColumn)?.references;
  return references ? { table: references.table, column: references.columns[0] ?? 'id' } : undefined;
}

function typeOf(
  tables: readonly InspectedTable[],
  tenantsTable: AdoptionPlan['tenantsTable'],
  tenantColumn: string,
): string {
  const inTable = tables
    .find(({ name }) => name === tenantsTable?.table)
    ?.columns.find(({ name }) => name === tenantsTable?.column);
  const elsewhere = tables.flatMap(({ columns }) => columns).find(({ name }) => name === tenantColumn);
  const type = (inTable ?? elsewhere)?.type;
  if (type === undefined)
    throw new AdoptedTenantsError(`no table has a column ${tenantColumn}: name it with --tenant-column`);
  if (!isKeyType(type))
    throw new AdoptedTenantsError(`the tenants' key has the type ${type}: it must be a uuid, an integer or a text`);
  return type;
}

function queryFor(
  tables: readonly InspectedTable[],
  schema: string,
  tenantsTable: AdoptionPlan['tenantsTable'],
  { slugColumn }: PlanRequest,
): string {
  if (!tenantsTable) {
    throw new AdoptedTenantsError(
      'no table of tenants was found: name it with --tenants-table, or give a query with --tenants',
    );
  }
  const columns = tables.find(({ name }) => name === tenantsTable.table)?.columns.map(({ name }) => name) ?? [];
  const slug = slugColumn ?? SLUG_COLUMNS.find((name) => columns.includes(name)) ?? tenantsTable.column;
  return `SELECT ${escapeIdentifier(tenantsTable.column)}::text AS key, ${escapeIdentifier(slug)}::text AS slug FROM ${qualified(schema, tenantsTable.table)}`;
}
