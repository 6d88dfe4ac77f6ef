import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { tracedStatement } from '../../../../src/database/statements/database-spans.js';
import { type SpanDescription, useTracing } from '../../../../src/tracing/tracing.js';

const client = new pg.Client({ host: 'db.example', port: 5433, database: 'shop' });
let spans: SpanDescription[];

beforeEach(() => {
  spans = [];
  useTracing({
    within: (describeSpan, work) => {
      spans.push(describeSpan());
      return work();
    },
    annotate: () => undefined,
  });
});

afterEach(() => useTracing(undefined));

async function textOf(statement: string): Promise<unknown> {
  await tracedStatement(client, statement, () => Promise.resolve());
  return spans.at(-1)?.attributes['db.query.text'];
}

describe('the span of a statement', () => {
  it('names the server, the database and the kind of the statement', async () => {
    expect(await tracedStatement(client, '/* why */ select 1', () => Promise.resolve('answer'))).toBe('answer');
    expect(spans).toEqual([
      {
        name: 'SELECT',
        kind: 'client',
        attributes: {
          'db.system.name': 'postgresql',
          'db.namespace': 'shop',
          'server.address': 'db.example',
          'server.port': 5433,
          'db.operation.name': 'SELECT',
          'db.query.text': 'select ?',
        },
      },
    ]);
  });

  it('shows the text of the statement without its constants', async () => {
    expect(
      await textOf(
        `SELECT "c"."id", count(*) FROM "customers" "c" WHERE "c"."email" = $1 AND ("c"."n" >= -5) LIMIT 20`,
      ),
    ).toBe('select "c"."id", count (*) from "customers" "c" where "c"."email" = $1 and ("c"."n" >=- ?) limit ?');
  });

  it.each([
    ['a string', `SELECT 'secret'`],
    ['a doubled quote', `SELECT 'it''s secret'`],
    ['an escaped string', String.raw`SELECT E'\'secret'`],
    ['a string in Unicode escapes', `SELECT U&'\\0041secret'`],
    ['dollar quotes', 'SELECT $x$secret$x$'],
    ['a line comment', 'SELECT 1 -- secret'],
    ['a block comment', 'SELECT /* a /* secret */ secret */ 1'],
    ['a string that is not closed', `SELECT 'secret`],
    ['the text after the part that is shown', `SELECT ${'1, '.repeat(2_000)} secret`],
    ['a string cut at the end of that part', `SELECT '${'secret'.repeat(2_000)}'`],
  ])('does not show %s', async (_what, statement) => {
    expect(await textOf(statement)).not.toMatch(/secret|it's/);
  });

  it.each(['4711', '47.11', '-4711', '4_711', '0x4711', '4711e11', '1.4711e-11', '.4711'])(
    'does not show the number %s',
    async (number) => {
      expect(await textOf(`SELECT ${number} FROM t4 WHERE id = ${number}`)).toMatch(
        /^select[-?. ]+from t4 where id =[-?. ]+$/,
      );
    },
  );
});

it('a statement creates no span when tracing is off', async () => {
  useTracing(undefined);
  expect(await tracedStatement(client, 'SELECT 1', () => Promise.resolve('answer'))).toBe('answer');
  expect(spans).toEqual([]);
});
