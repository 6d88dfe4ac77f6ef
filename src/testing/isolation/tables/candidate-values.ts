import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { ActualColumn } from '../../../database/table-migrations/comparison/actual-tables.js';

/** Texts that common conditions accept: codes of currencies, countries and languages, dates, numbers, colours. */
const SHAPES = [
  'EUR',
  'DE',
  'de',
  'de-DE',
  '+4915112345678',
  '2026-01-01',
  '12:00',
  'UTC',
  '#aabbcc',
  '12345',
  '1',
  'a',
  'A',
];

/** Codes of a short column, for keys that the shapes are taken for. */
const CODES = 8;

/** What `newCanary` returns, also in capitals. */
export const CANARY = /canary[0-9a-f]{12}/i;

/** Marks a text as a row's own. */
export function newCanary(): string {
  return `canary${randomBytes(6).toString('hex')}`;
}

/** Whole numbers of nine digits do not occur in an answer by accident. */
const newNumber = (): number => randomInt(100_000_000, 999_999_999);

/** Capital letters, as codes of currencies and countries are. */
const newCode = (length: number): string =>
  Array.from({ length }, () => String.fromCodePoint(randomInt(65, 91))).join('');

/** Whether a text column has no room for a value that no other row has: what fits it may be taken. */
export function isShort({ length }: Pick<ActualColumn, 'length'>): boolean {
  return length !== null && length < 6;
}

type Make = (canary: string, column: ActualColumn) => readonly unknown[];

const texts: Make = (canary, { name, length }) => {
  const expected = /e_?mail/i.test(name)
    ? [`${canary}@example.com`]
    : /ur[li]$/i.test(name)
      ? [`https://example.com/${canary}`]
      : [];
  const all = [
    ...expected,
    canary,
    `${canary}@example.com`,
    `https://example.com/${canary}`,
    canary.toUpperCase(),
    canary.slice(6),
  ];
  const shorter = [canary.slice(6, 14), canary.slice(6, 12)];
  const codes = length !== null && isShort({ length }) ? Array.from({ length: CODES }, () => newCode(length)) : [];
  const values = [...all, ...shorter, randomUUID(), ...SHAPES, ...codes];
  return values.filter((text) => length === null || text.length <= length);
};
const smallNumbers: Make = () => [randomInt(1000, 9999), randomInt(10, 99), 1, 0, -1];
const numbers: Make = (...column) => [newNumber(), ...smallNumbers(...column)];
const moments: Make = () => ['2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z'];
const json: Make = (canary) => [JSON.stringify({ canary }), JSON.stringify([canary]), '{}'];

const BY_TYPE: Readonly<Record<string, Make>> = {
  uuid: () => [randomUUID()],
  smallint: smallNumbers,
  integer: numbers,
  bigint: numbers,
  numeric: smallNumbers,
  real: smallNumbers,
  'double precision': smallNumbers,
  money: smallNumbers,
  boolean: () => [true, false],
  date: () => ['2026-01-01', '2099-01-01'],
  'timestamp without time zone': moments,
  'timestamp with time zone': moments,
  'time without time zone': () => ['12:00'],
  'time with time zone': () => ['12:00Z'],
  interval: () => ['1 day'],
  json,
  jsonb: json,
  bytea: (canary) => [Buffer.from(canary)],
  inet: () => ['10.1.2.3'],
  cidr: () => ['10.1.2.0/24'],
  macaddr: () => ['08:00:2b:01:02:03'],
  xml: (canary) => [`<canary>${canary}</canary>`],
  point: () => ['(1,2)'],
  tsvector: (canary) => [canary],
  bit: () => ['1'],
  'bit varying': () => ['1'],
  int4range: () => ['[1,2)'],
  int8range: () => ['[1,2)'],
  numrange: () => ['[1,2)'],
  daterange: () => ['[2026-01-01,2026-02-01)'],
  tsrange: () => ['[2026-01-01,2026-02-01)'],
  tstzrange: () => ['[2026-01-01,2026-02-01)'],
};

/** Values for a column, the most telling first. Of an unknown type: texts, which most input functions read. */
export function candidateValues(column: ActualColumn, canary: string): readonly unknown[] {
  const values = column.labels.length > 0 ? column.labels : (BY_TYPE[column.type] ?? texts)(canary, column);
  return column.isArray ? values.map((value) => [value]) : values;
}

/** The quoted texts in a condition such as `status = ANY (ARRAY['draft'::text])`. */
export function literalsOf(condition: string): string[] {
  return [...condition.matchAll(/'((?:[^']|'')*)'/g)].map(([, text = '']) => text.replaceAll("''", "'"));
}
