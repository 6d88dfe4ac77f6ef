import type { ActualColumn } from './actual-tables.js';
import type { ExpectedColumn } from './expected-tables.js';

/** Types whose values are the same to an application; an enum is one of them. */
const TEXT: ReadonlySet<string> = new Set(['text', 'character varying', 'character', 'citext', 'enum']);
const JSON_TYPES: ReadonlySet<string> = new Set(['json', 'jsonb']);

/** By what an entity maps: other types that hold every value of it. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer'],
  real: ['double precision'],
  text: ['json', 'jsonb', 'uuid'], // `simple-json`, and texts with a form
  'character varying': ['uuid'],
};

/** Whether a column takes and returns the values of what an entity maps. */
export function isCompatible(expected: ExpectedColumn, actual: ActualColumn): boolean {
  if (expected.isArray !== actual.isArray) return false;
  if (expected.length !== undefined && actual.length !== null && actual.length < expected.length) return false;
  const [wanted, found] = [expected.type, actual.isEnum ? 'enum' : unqualified(actual.type)];
  return (
    wanted === found ||
    [TEXT, JSON_TYPES].some((family) => family.has(wanted) && family.has(found)) ||
    (WIDER[wanted] ?? []).includes(found)
  );
}

/** For messages: `character varying(20)[]`. */
export function typeOf({ type, length, isArray }: ExpectedColumn | ActualColumn): string {
  return `${unqualified(type)}${length ? `(${length})` : ''}${isArray ? '[]' : ''}`;
}

/** The type's name without its schema, which is printed unless the search path has it. */
function unqualified(type: string): string {
  return type.replace(/^.*\./, '').replaceAll('"', '').toLowerCase();
}
