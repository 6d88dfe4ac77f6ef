import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { classifyStatement } from '../../../../src/database/sql-guard/classify-statement.js';
import { sendOnClient } from '../../../../src/database/statements/client-flights.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { pick, seededRandom } from '../../../support/statements/seeded-random.js';

const SEED = 20_261;
const STATEMENTS = 6_000;

/** Everything that can open or close a constant, a name or a comment. */
const EDGES = [
  ...[`'`, `''`, `"`, `""`, `E'`, `e'`, `U&'`, `B'`, `N'`, '\\', `\\'`, '$$', '$a$', 'a$', '$1', '/*', '*/', '--'],
  ...['\n', '\r', ' ', '\u00a0', 'é', ',', '1', '1,', 'AS x', '::text'],
];

/** The same where it is complete, so that enough of the texts are valid. */
const WHOLE = [
  ...[`'x',`, `'\\',`, `E'\\'',`, `e'\\\\',`, `E'a'\n'\\'',`, `E'a' -- '\n '\\'',`, `U&'\\0027',`, `N'''',`],
  ...[`$$'$$,`, `$a$$$'$a$,`, `1 AS "'",`, `1 AS "a""'",`, `1 AS a$$,`, `1 a$b$,`, `1 AS é$$,`, `text'\\',`],
  ...[`/* ' */`, `/* /* " */ ' */`, `/*/*/**/*/'*/*/`, `-- '\n`, `--"\r`, `1--$$\n,`, `1/*$$*/,`, `2*/*'*/1,`, ' '],
];
const CALL = `set_config('fuzz.left', '1', false)`;
const ENDS = ['', ' --', ' */', ` '`, `--'`, ` --"`, '$$', ' --$a$', ',1', `,''`];

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Whether the server, given this text, left the setting behind. */
async function leavesSomething(text: string): Promise<boolean> {
  try {
    await sendOnClient(client, {}, { text });
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return false;
  }
  const { rows } = await client.query<{ left: string | null }>(`SELECT current_setting('fuzz.left', true) AS left`);
  if (rows[0]?.left !== '1') return false;
  await client.query('RESET ALL');
  return true;
}

function isLetThrough(text: string): boolean {
  try {
    return classifyStatement(text, { scope: 'statement', mayExplain: false }).kind === 'rows';
  } catch {
    return false;
  }
}

it('no text in which PostgreSQL runs a call is read as one without it', async () => {
  const random = seededRandom(SEED);
  const piece = (): string => pick(random, random() < 0.2 ? EDGES : WHOLE);
  const some = (count: number): string => Array.from({ length: Math.floor(random() * count) }, piece).join('');
  const missed: string[] = [];
  let ran = 0;
  let letThrough = 0;
  for (let index = 0; index < STATEMENTS; index += 1) {
    const start = pick(random, ['SELECT ', 'SELECT', '(SELECT ']);
    const text = `${start}${some(5)}${CALL}${pick(random, [',', ''])}${some(3)}${pick(random, ENDS)}`;
    if (await leavesSomething(text)) {
      ran += 1;
      if (isLetThrough(text)) missed.push(text);
    } else if (isLetThrough(text)) letThrough += 1;
  }
  expect(missed).toEqual([]);
  expect(ran).toBeGreaterThan(200); // it did try
  expect(letThrough).toBeGreaterThan(50); // and does not simply refuse whatever holds the words
});
