import type { DataSource, EntityMetadata, EntityTarget, SelectQueryBuilder } from 'typeorm';

type ExpressionMap = SelectQueryBuilder<object>['expressionMap'];
/** A part of a query builder, by the names of what it holds. */
type Parts = Readonly<Record<string, unknown>>;

/** Longer shapes are rarely built twice. */
const MAX_LENGTH = 10_000;

/** Has no effect on a query's text, which names parameters without their values. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['dataSource', 'connection', 'parameters', 'nativeParameters']);
/** What a join has derived from its other parts. */
const DERIVED: ReadonlySet<string> = new Set([
  ...['dataSource', 'connection', 'queryExpressionMap'],
  ...['isSelectedCache', 'isSelectedEvaluated', 'relationCache', 'relationEvaluated'],
]);
/** What a join may refer to an entity by. */
const TARGETS: ReadonlySet<string> = new Set(['entityOrProperty', 'mapAsEntity']);

/** Thrown at a part whose effect on the text is not known. */
const UNKNOWN_PART = new Error('an unknown part of a query');

/**
 * All that the text of a select depends on: queries of one shape have one text.
 *
 * TypeORM keeps this in the builder's expression map (1.1.1 and 0.3.28: query-builder/QueryExpressionMap.js). Whatever is
 * in it counts, except for the parameters' values, so that a part that a later version adds is not left out.
 *
 * @returns undefined for a query with a part whose effect is not known
 */
export function shapeOf(map: ExpressionMap, dataSource: DataSource): string | undefined {
  if (map.queryType !== 'select') return undefined;
  try {
    const shape = shapeOfMap(map as unknown as Parts, dataSource);
    return shape.length > MAX_LENGTH ? undefined : shape;
  } catch (error) {
    if (error === UNKNOWN_PART) return undefined;
    throw error;
  }
}

function shapeOfMap(map: Parts, dataSource: DataSource): string {
  let shape = '';
  for (const name in map) {
    const value = map[name];
    if (isAbsent(value) || WITHOUT_EFFECT.has(name)) continue;
    shape += `${name}=${shapeOfPart(name, value, dataSource)};`;
  }
  return shape;
}

function shapeOfPart(name: string, value: unknown, dataSource: DataSource): string {
  switch (name) {
    case 'mainAlias':
      return shapeOfAlias(value as Parts);
    case 'aliases':
      return (value as Parts[]).map(shapeOfAlias).join('');
    case 'joinAttributes':
      return (value as Parts[]).map((join) => shapeOfJoin(join, dataSource)).join('');
    default:
      return shapeOfValue(value);
  }
}

function shapeOfAlias(alias: Parts): string {
  let shape = '(';
  for (const name in alias) {
    shape += `${name}=${name === '_metadata' ? numberOf(alias[name] as EntityMetadata | undefined) : shapeOfValue(alias[name])};`;
  }
  return `${shape})`;
}

function shapeOfJoin(join: Parts, dataSource: DataSource): string {
  let shape = '(';
  for (const name in join) {
    if (DERIVED.has(name)) continue;
    shape += `${name}=`;
    if (name === 'alias') shape += shapeOfAlias(join[name] as Parts);
    else if (TARGETS.has(name)) shape += shapeOfTarget(join[name], dataSource);
    else shape += shapeOfValue(join[name]);
  }
  return `${shape})`;
}

/** An entity, or a text: the path of a relation, or the name of a table. */
function shapeOfTarget(target: unknown, dataSource: DataSource): string {
  if (typeof target === 'string' || isAbsent(target)) return shapeOfValue(target);
  const known = target as EntityTarget<object>;
  if (!dataSource.hasMetadata(known)) throw UNKNOWN_PART;
  return String(numberOf(dataSource.getMetadata(known)));
}

/** No two values have the same shape: texts come with their length. */
function shapeOfValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `${value.length}:${value}`;
    case 'undefined':
    case 'boolean':
    case 'number':
      return `${String(value)},`;
    case 'object':
      return shapeOfObject(value);
    default:
      throw UNKNOWN_PART;
  }
}

function shapeOfObject(value: object | null): string {
  if (value === null) return 'null,';
  if (Array.isArray(value)) return `[${value.map(shapeOfValue).join('')}]`;
  if (Object.getPrototypeOf(value) !== Object.prototype) throw UNKNOWN_PART;
  let shape = '{';
  for (const [name, part] of Object.entries(value)) shape += shapeOfValue(name) + shapeOfValue(part);
  return `${shape}}`;
}

/** The value of what has not been set. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0);
}

const numbers = new WeakMap<EntityMetadata, number>();
let lastNumber = 0;

/** A column that is a query of its own is put together by a function of the application, which may change its mind. */
function numberOf(metadata: EntityMetadata | undefined): number {
  if (metadata === undefined) return 0;
  const known = numbers.get(metadata);
  if (known !== undefined) return known;
  if (metadata.columns.some(({ isVirtualProperty }) => isVirtualProperty)) throw UNKNOWN_PART;
  numbers.set(metadata, (lastNumber += 1));
  return lastNumber;
}
