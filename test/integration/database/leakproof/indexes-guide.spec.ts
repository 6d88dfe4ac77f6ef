import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ensureKey } from '../../../../src/database/isolation/installed-keys.js';
import { proofOf } from '../../../../src/database/isolation/stamp-key.js';
import { markOperators } from '../../../../src/database/leakproof/operator-functions.js';
import { unusableIndexes } from '../../../../src/database/leakproof/unusable-indexes.js';
import { createTenantTable } from '../../../../src/index.js';
import { migrateTables } from '../../../../src/database/table-migrations/execution/migrate-tables.js';
import { blocksOf } from '../../../support/docs/code-blocks.js';
import { superuserOf } from '../../../support/postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

const GUIDE = 'docs/guides/indexes.md';
const blocks = blocksOf(GUIDE, readFileSync(new URL(`../../../../${GUIDE}`, import.meta.url), 'utf8'));
const [alternatives = '', trigrams = ''] = blocks.filter(({ language }) => language === 'sql').map(({ text }) => text);
const statementsOf = (text: string): string[] => text.split(/;\n/).filter((sql) => sql.trim() !== '');

const [A, B] = [randomUUID(), randomUUID()] as const;

class CreateProducts1770000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TYPE product_state AS ENUM ('draft', 'sold')`);
    await createTenantTable(runner, 'product', {
      columns: {
        id: 'bigint GENERATED ALWAYS AS IDENTITY',
        name: 'text COLLATE "C" NOT NULL',
        price: 'numeric(12, 2) NOT NULL',
        price_cents: 'bigint GENERATED ALWAYS AS ((price * 100)::bigint) STORED',
        state: 'product_state NOT NULL',
        state_text: `text GENERATED ALWAYS AS (CASE state WHEN 'draft' THEN 'draft' WHEN 'sold' THEN 'sold' END) STORED`,
        email: 'text NOT NULL',
        email_lower: 'text GENERATED ALWAYS AS (lower(email)) STORED',
        data: 'jsonb NOT NULL',
        data_kind: `text GENERATED ALWAYS AS (data ->> 'kind') STORED`,
        during: 'tstzrange NOT NULL',
        starts: 'timestamptz GENERATED ALWAYS AS (lower(during)) STORED',
        ends: 'timestamptz GENERATED ALWAYS AS (upper(during)) STORED',
      },
      indexes: [['name'], ['price_cents'], ['state_text'], ['email_lower'], ['data_kind'], ['starts', 'ends']],
    });
  }

  async down(): Promise<void> {}
}

const ROWS = `
  INSERT INTO product (tenant_id, name, price, state, email, data, during)
  SELECT CASE n % 2 WHEN 0 THEN '${A}'::uuid ELSE '${B}' END, CASE WHEN n % 100 = 0 THEN 'Abcd' ELSE 'Xyz' END || n, n % 400,
    CASE WHEN n % 200 = 0 THEN 'draft' ELSE 'sold' END::product_state, 'Ann' || n / 2 || '@Example.com',
    jsonb_build_object('kind', 'kind ' || n % 500),
    tstzrange(timestamptz '2026-01-01Z' + n * interval '10 min', timestamptz '2026-01-01Z' + (n + 5) * interval '10 min')
  FROM generate_series(1, 4000) n`;

let database: TenantDatabase;
let superuser: pg.Client;
let owner: pg.Client;
let login: pg.Client;

beforeAll(async () => {
  database = await createTenantDatabase();
  const { host, port } = database.target.server;
  superuser = new pg.Client(superuserOf(database.name));
  owner = new pg.Client({ connectionString: database.url });
  login = new pg.Client({
    host,
    port,
    user: database.role,
    password: database.target.password,
    database: database.name,
  });
  await Promise.all([superuser, owner, login].map((client) => client.connect()));
  await owner.query('CREATE SCHEMA shared');
  await migrateTables(owner, { schema: 'shared', role: database.role }, [CreateProducts1770000000000]);
  await owner.query(`SET search_path = shared, public; ${ROWS}; ANALYZE product`);
  await owner.query(`GRANT USAGE ON SCHEMA shared TO ${database.role}`);
  await login.query(
    `SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false),
            set_config('search_path', 'shared, public', false), set_config('enable_seqscan', 'off', false)`,
    [A, proofOf(await ensureKey(owner), A)],
  );
});

afterAll(async () => {
  await Promise.all([superuser, owner, login].map((client) => client.end()));
  await database.drop();
});

async function indexConditions(sql: string): Promise<string> {
  const { rows } = await login.query<Record<string, string>>(`EXPLAIN (COSTS OFF) ${sql}`);
  const lines = rows.map((row) => row['QUERY PLAN'] ?? '');
  return lines.filter((line) => line.includes('Index Cond')).join();
}

describe(GUIDE, () => {
  it.each(statementsOf(alternatives))('has an alternative whose condition uses its index: %s', async (sql) => {
    const [, column = ''] = /WHERE (\w+)/.exec(sql) ?? [];
    expect(await indexConditions(sql)).toContain(`(${column} `);
    expect((await login.query(sql)).rows.length).toBeGreaterThan(0);
  });

  it('has no alternative that doctor would list', async () => {
    expect(await unusableIndexes(owner, ['shared'])).toEqual([]);
  });

  it('finds parts of a text through trigrams once operators of jsonb are marked', async () => {
    const [search = '', ...definitions] = statementsOf(trigrams).toReversed();
    for (const sql of definitions.toReversed()) await owner.query(sql);
    await owner.query('ANALYZE product');
    const found = await login.query(search);
    expect(found.rows.length).toBeGreaterThan(0);
    expect(await indexConditions(search)).not.toContain('parts ?&');
    await markOperators(superuser, ['jsonb'], { leakproof: true, role: database.role });
    expect(await indexConditions(search)).toContain('parts ?&');
    expect((await login.query(search)).rows).toEqual(found.rows);
  });
});
