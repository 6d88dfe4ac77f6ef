import type { SelectQueryBuilder } from 'typeorm';
import { DriverUtils } from 'typeorm/driver/DriverUtils.js';
import { dataSourceOf } from '../../../src/platform/postgres/typeorm-versions.js';
import { pick, seededRandom } from '../statements/seeded-random.js';

type Random = () => number;
type Row = Record<string, unknown>;

const VALUES: Readonly<Record<string, (random: Random) => unknown>> = {
  uuid: (random) => pick(random, ['id-1', 'id-2', 'id-3', '']),
  bytea: (random) => Buffer.from(pick(random, ['one', 'two'])),
  bigint: (random) => pick(random, ['12', '9007199254740993']),
  numeric: () => '1.50',
  int: (random) => Math.floor(random() * 3),
  number: (random) => pick<unknown>(random, [1, '2', 'x']),
  boolean: (random) => random() < 0.5,
  timestamptz: date,
  timestamp: date,
  date: (random) => pick<unknown>(random, ['2026-01-05', new Date(0)]),
  time: () => '10:20:30',
  jsonb: (random) => pick<unknown>(random, [{ a: [1, null] }, { b: 'x' }, 'text', 7, []]),
  'simple-json': () => '{"a":{"b":1}}',
  'simple-array': (random) => pick(random, ['a,b', '']),
  enum: (random) => pick(random, ['a', 'b', '1', '{1,2}', '{}']),
  hstore: () => '"a"=>"1","b"=>NULL',
  cube: () => '(1, 2)',
};

function date(random: Random): unknown {
  return pick<unknown>(random, [new Date(1e12), new Date(Number.NaN), '2026-01-05 09:30:00+00', Infinity]);
}

/**
 * Rows that a server could return for a query: repeated by joins, and with nulls where a join has found nothing.
 *
 * @param sql the query's text, which names the columns of its result
 */
export function randomRows(builder: SelectQueryBuilder<object>, sql: string, seed: number): Row[] {
  const random = seededRandom(seed);
  const types = columnTypes(builder);
  const names = [...sql.matchAll(/ AS "([^"]+)"/g)].map(([, name]) => name as string);
  return Array.from({ length: Math.floor(random() * 7) }, () => {
    const missing = builder.expressionMap.joinAttributes.filter(() => random() < 0.25).map(({ alias }) => alias.name);
    const isMissing = (name: string): boolean => missing.some((alias) => name.startsWith(`${alias}_`));
    const valueOf = (name: string): unknown => {
      if (isMissing(name) || random() < 0.1) return null;
      return (VALUES[types.get(name) ?? ''] ?? ((random) => pick(random, ['x', 'y', ''])))(random);
    };
    return Object.fromEntries(names.map((name) => [name, valueOf(name)]));
  });
}

/** By the names in a row. */
function columnTypes(builder: SelectQueryBuilder<object>): Map<string, string> {
  const { driver } = dataSourceOf(builder);
  const types = new Map<string, string>();
  for (const alias of builder.expressionMap.aliases) {
    for (const { databaseName, type } of alias.hasMetadata ? alias.metadata.columns : []) {
      const name = DriverUtils.buildAlias(driver, undefined, alias.name, databaseName);
      types.set(name, typeof type === 'function' ? type.name.toLowerCase() : type);
    }
  }
  return types;
}
