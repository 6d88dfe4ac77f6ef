import { types } from 'node:util';
import { isPlainObject } from '../../platform/is-plain-object.js';
import { UncacheablePrincipalError } from './identification.errors.js';

const MAX_DEPTH = 16;

/**
 * A text that two principals share only if nothing distinguishes them. What JSON would leave out or make equal (maps, sets,
 * bigints, `undefined`, NaN) is in it. What cannot be read is refused: private fields and accessors of a class, functions,
 * hidden properties. An instance of a class says with `toJSON()` who it is.
 *
 * @throws UncacheablePrincipalError
 */
export function principalText(principal: unknown): string {
  return JSON.stringify(distinct(principal, 'principal', 0));
}

/** Everything but texts, booleans, null and finite numbers becomes an array whose first item names its kind. */
function distinct(value: unknown, path: string, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : ['number', String(value)];
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (value === undefined) return ['undefined'];
  if (typeof value !== 'object') throw new UncacheablePrincipalError(path, `is a ${typeof value}`);
  if (depth === MAX_DEPTH) throw new UncacheablePrincipalError(path, `is nested in more than ${MAX_DEPTH} objects`);
  const part = (item: unknown, name: unknown): unknown => distinct(item, `${path}.${String(name)}`, depth + 1);
  if (hasToJson(value)) return ['json', part(value.toJSON(), 'toJSON()')];
  assertReadable(value, path);
  if (Array.isArray(value)) return ['array', ...value.map(part)];
  if (types.isMap(value)) return ['map', ...[...value].map(part)];
  if (types.isSet(value)) return ['set', ...[...value].map(part)];
  const properties = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return ['object', ...properties.map(([name, item]) => [name, part(item, name)])];
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** @throws UncacheablePrincipalError */
function assertReadable(value: object, path: string): void {
  const isCollection = Array.isArray(value) || types.isMap(value) || types.isSet(value);
  const literal = isCollection ? (Object.getPrototypeOf(value) as object) : value; // none of a subclass
  if (!isPlainObject(literal)) throw new UncacheablePrincipalError(path, 'is an instance of a class without toJSON()');
  const readable = Array.isArray(value) ? value.length + 1 : isCollection ? 0 : Object.keys(value).length;
  if (Reflect.ownKeys(value).length > readable) {
    throw new UncacheablePrincipalError(path, 'has properties that are symbols or not enumerable');
  }
}
