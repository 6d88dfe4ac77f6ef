import type { Driver, ObjectLiteral, QueryRunner } from 'typeorm';
import type { HydrationPlan } from './hydration-plan.js';

export interface HydrationContext {
  readonly driver: Driver;
  readonly queryRunner: QueryRunner | undefined;
  readonly creation: { readonly fromDeserializer: true; readonly pojo: boolean };
}

/** A row as node-postgres returns it. */
type Row = Readonly<Record<string, unknown>>;

/** The entities in rows, each with its related ones: what TypeORM's `RawSqlResultsToEntityTransformer` returns. */
export function hydrate(rows: readonly Row[], plan: HydrationPlan, context: HydrationContext): ObjectLiteral[] {
  const entities: ObjectLiteral[] = [];
  for (const group of groupsOf(rows, plan.keys)) {
    const entity = hydrateOne(group, plan, context);
    if (entity) entities.push(entity);
  }
  return entities;
}

/** The rows of each entity: a join repeats it. */
function groupsOf(rows: readonly Row[], keys: readonly string[]): Iterable<readonly Row[]> {
  if (rows.length === 1) return [rows];
  const groups = new Map<string, Row[]>();
  let id: string | undefined;
  let group: Row[] = [];
  for (const row of rows) {
    const rowId = idOf(row, keys);
    if (rowId !== id) {
      id = rowId;
      const known = groups.get(id);
      group = known ?? [];
      if (!known) groups.set(id, group);
    }
    group.push(row);
  }
  return groups.values();
}

function idOf(row: Row, keys: readonly string[]): string {
  let id = '';
  for (let index = 0; index < keys.length; index += 1) {
    const part = partOfId(row[keys[index] as string]);
    id = index === 0 ? part : `${id}_${part}`;
  }
  return id;
}

function partOfId(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'object':
      if (value === null) return '';
      return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value);
    default:
      return String(value);
  }
}

/** @returns undefined where a join has found nothing */
function hydrateOne(rows: readonly Row[], plan: HydrationPlan, context: HydrationContext): ObjectLiteral | undefined {
  const entity = plan.metadata.create(context.queryRunner, context.creation);
  const hasValue = setColumns(entity, rows[0] as Row, plan, context.driver);
  for (const { plan: joined, isMany, mappedProperty, relation } of plan.joins) {
    const found = hydrate(rows, joined, context);
    const value = isMany ? found : (found[0] ?? null);
    if (mappedProperty) entity[mappedProperty] = value;
    else relation?.setEntityValue(entity, value);
  }
  return hasValue ? entity : undefined;
}

/** @returns whether one of the columns has a value */
function setColumns(entity: ObjectLiteral, row: Row, { columns }: HydrationPlan, driver: Driver): boolean {
  let hasValue = false;
  for (const { metadata, name, property, keeps } of columns) {
    const raw = row[name];
    if (raw === undefined) continue;
    if (raw !== null) hasValue = true;
    const isKept = keeps === 'all' || (keeps === 'all but texts' && typeof raw !== 'string');
    const value: unknown = isKept ? raw : driver.prepareHydratedValue(raw, metadata);
    if (property === undefined) metadata.setEntityValue(entity, value);
    else entity[property] = value;
  }
  return hasValue;
}
