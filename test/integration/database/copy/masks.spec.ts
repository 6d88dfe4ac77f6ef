import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../../src/database/copy/copy-rows.js';
import { decodeField, encodeField, fieldsOf } from '../../../../src/database/copy/streams/copy-text.js';
import { maskProblems } from '../../../../src/database/copy/tables/mask-problems.js';
import type { ColumnMasks } from '../../../../src/index.js';
import { CopyRig, isUsable, run, texts } from '../../../support/copy/copy-rig.js';
import { pick, seededRandom } from '../../../support/statements/seeded-random.js';

const SOURCE = randomUUID();
const signal = new AbortController().signal;
const TABLES = `
  CREATE TABLE countries (code text PRIMARY KEY);
  CREATE TABLE customers (tenant_id uuid NOT NULL, id int, name text, email text NOT NULL, phone text, tags text[], photo bytea,
    country text REFERENCES countries, initial text GENERATED ALWAYS AS (left(name, 1)) STORED, PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email));
  CREATE TABLE notes (tenant_id uuid NOT NULL, id int, email text NOT NULL, about int, next int, body text,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, email) REFERENCES customers (tenant_id, email),
    FOREIGN KEY (tenant_id, next) REFERENCES notes)`;
const CYCLE = `
  CREATE TABLE teams (tenant_id uuid NOT NULL, id int, lead int, motto text, PRIMARY KEY (tenant_id, id));
  CREATE TABLE members (tenant_id uuid NOT NULL, id int, team int NOT NULL, name text, PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, team) REFERENCES teams);
  ALTER TABLE teams ADD FOREIGN KEY (tenant_id, lead) REFERENCES members`;

let rig: CopyRig;
let shared: CopyPlace;
let same: CopyPlace;

beforeAll(async () => {
  rig = await CopyRig.start(`${TABLES}; ${CYCLE}`);
  shared = await rig.place('shared', { isAlone: false });
  same = { ...shared, client: await rig.connect() };
  await run(
    shared,
    SOURCE,
    String.raw`INSERT INTO customers (tenant_id, id, name, email, phone, tags, photo) VALUES
       ($t, 1, E'tab\there', 'one@example.com', NULL, '{"a,b",NULL}', '\x00ff5c'), ($t, 2, '\N', 'two@example.com', '123', '{}', NULL);
     INSERT INTO notes VALUES ($t, 1, 'one@example.com', 7, 1, E'line\nbreak'), ($t, 2, 'two@example.com', NULL, 1, NULL);
     INSERT INTO teams VALUES ($t, 1, NULL, 'onwards'), ($t, 2, NULL, NULL);
     INSERT INTO members VALUES ($t, 1, 1, 'lead'), ($t, 2, 2, 'other');
     UPDATE teams SET lead = 1 WHERE tenant_id = $t`,
  );
});

afterAll(() => rig.stop());

describe('fields of COPY', () => {
  const TYPES = ['text', 'bytea', 'text[]', 'jsonb'] as const;
  const PIECES = [
    '',
    'a',
    '\t',
    '\n',
    '\r',
    '\b',
    '\f',
    '\v',
    '\\',
    '\\N',
    '\\.',
    '"',
    "'",
    '{',
    ',',
    'ü',
    '😀',
    '\u0001',
    'NULL',
  ];

  it('are the values that PostgreSQL has, and become them again', async () => {
    const random = seededRandom(20);
    const any = (): string => Array.from({ length: Math.floor(random() * 8) }, () => pick(random, PIECES)).join('');
    const maybe = <T>(value: () => T): T | null => (random() < 0.1 ? null : value());
    const rows = Array.from({ length: 300 }, () => [
      maybe(any),
      maybe(() => Buffer.from(any())),
      maybe(() => Array.from({ length: Math.floor(random() * 4) }, () => maybe(any))),
      maybe(() => JSON.stringify({ [any()]: any().replaceAll('\u0000', '') })),
    ]);
    const { client } = shared;
    const columns = TYPES.map((type, n) => `c${n} ${type}`).join(', ');
    await client.query(`CREATE TEMP TABLE fields (n serial, ${columns}); CREATE TEMP TABLE again (LIKE fields)`);
    for (const row of rows) await client.query('INSERT INTO fields (c0, c1, c2, c3) VALUES ($1, $2, $3, $4)', row);

    const written = await text(client.query(copyTo('COPY (SELECT * FROM fields ORDER BY n) TO STDOUT')));
    const lines = written.split('\n').slice(0, -1);
    const values = lines.map((line) => fieldsOf(Buffer.from(line)).map((field) => decodeField(String(field))));
    const { rows: expected } = await client.query<{ row: (string | null)[] }>(
      'SELECT ARRAY[n::text, c0, c1::text, c2::text, c3::text] AS row FROM fields ORDER BY n',
    );
    expect(values).toEqual(expected.map(({ row }) => row));
    expect(values.map((row) => row.map(encodeField).join('\t'))).toEqual(lines);

    const input = client.query(copyFrom('COPY again FROM STDIN'));
    const ended = new Promise((resolve, reject) => input.once('finish', resolve).once('error', reject));
    input.end(values.map((row) => `${row.map(encodeField).join('\t')}\n`).join(''));
    await ended;
    const { rows: different } = await client.query('TABLE fields EXCEPT ALL TABLE again');
    expect(different).toEqual([]);
  });
});

describe('a masked copy', () => {
  const masks: ColumnMasks = {
    customers: {
      name: (value) => `${value}\t\\N\n`,
      phone: () => null,
      tags: () => '{"m,1",NULL}',
      photo: () => String.raw`\x01`,
    },
    notes: { body: (value) => String(value.length) },
    members: { name: () => '' },
  };

  const masked = async (place: CopyPlace, tenant: string): Promise<unknown[]> => {
    const select = `SELECT name, email, phone, tags::text, photo::text, initial FROM ${place.schema}.customers WHERE tenant_id = $1 ORDER BY id`;
    return (await place.client.query<{ name: string }>(select, [tenant])).rows;
  };

  it('has other values in masked columns, and the same ones elsewhere, wherever it is', async () => {
    const before = await texts(shared, 'customers', SOURCE);
    const own = await rig.place('t_own', { database: 'second' });
    for (const to of [same, own]) {
      const clone = randomUUID();
      await copyRows(shared, to, SOURCE, { signal, asTenant: clone, masks });
      expect(await masked(to, clone)).toEqual([
        {
          name: 'tab\there\t\\N\n',
          email: 'one@example.com',
          phone: null,
          tags: '{"m,1",NULL}',
          photo: '\\x01',
          initial: 't',
        },
        { name: '\\N\t\\N\n', email: 'two@example.com', phone: null, tags: '{"m,1",NULL}', photo: null, initial: '\\' },
      ]);
      expect((await texts(to, 'notes', clone)).map((row) => row.replace(clone, ''))).toEqual([
        '(,1,one@example.com,7,1,10)',
        '(,2,two@example.com,,1,)',
      ]);
      expect((await texts(to, 'members', clone)).map((row) => row.replace(clone, ''))).toEqual([
        '(,1,1,"")',
        '(,2,2,"")',
      ]);
      expect((await texts(to, 'teams', clone)).map((row) => row.replace(clone, ''))).toEqual([
        '(,1,1,onwards)',
        '(,2,1,)',
      ]);
    }
    expect(await texts(shared, 'customers', SOURCE)).toEqual(before);
  });

  it.each([
    [
      'MASK_FAILED',
      'customers',
      'name',
      () => {
        throw new Error('one@example.com');
      },
    ],
    ['MASK_FAILED', 'members', 'name', () => undefined],
    ['COPY_REFUSED', 'customers', 'email', () => 'one@example.com'],
    ['COPY_REFUSED', 'customers', 'tags', () => 'no array of one@example.com'],
    ['COPY_REFUSED', 'customers', 'name', () => '\u0000'],
  ])('ends with %s, quotes no value, and can be run again (%s.%s)', async (code, table, column, mask) => {
    const clone = randomUUID();
    const failing = { [table]: { [column]: mask } } as unknown as ColumnMasks;
    const copy = copyRows(shared, same, SOURCE, { signal, asTenant: clone, masks: failing });
    await expect(copy).rejects.toMatchObject({ code, table });
    await copy.catch((error: Error) => expect(`${error.message} ${String(error.cause)}`).not.toContain('example.com'));
    for (const { client } of [shared, same]) expect(await isUsable(client)).toBe(true);
    await copyRows(shared, same, SOURCE, { signal, asTenant: clone });
    expect((await texts(shared, 'customers', clone)).length).toBe(2);
  });

  it('is named what cannot be masked', async () => {
    const mask = (): string => '';
    expect(await maskProblems(shared, masks)).toEqual([]);
    const wrong = {
      absent: { name: mask },
      countries: { code: mask },
      customers: { tenant_id: mask, id: mask, name: mask, email: mask, country: mask, initial: mask, none: mask },
      notes: { email: mask, next: mask, about: mask },
    };
    expect(await maskProblems(shared, wrong)).toEqual([
      'there is no table "absent" with a tenant_id',
      'there is no table "countries" with a tenant_id',
      'column "tenant_id" of table "customers" is that of the tenant',
      'column "id" of table "customers" belongs to the key',
      'column "email" of table "customers" is referred to by a foreign key',
      'column "country" of table "customers" belongs to a foreign key',
      'column "initial" of table "customers" is generated from others',
      'column "none" of table "customers" does not exist',
      'column "email" of table "notes" belongs to a foreign key',
      'column "next" of table "notes" belongs to a foreign key',
    ]);
  });
});
