import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureKey } from '../../../src/database/isolation/installed-keys.js';
import { proofOf } from '../../../src/database/isolation/stamp-key.js';
import { createPoliciesSql } from '../../../src/database/isolation/tenant-policies.js';
import { markOperators } from '../../../src/database/leakproof/operator-functions.js';
import { OPERATOR_KINDS } from '../../../src/database/leakproof/operator-kinds.js';
import { asSuperuser, superuserOf } from '../postgres/postgres.js';
import { createTenantDatabase, TENANT_COLUMN, type TenantDatabase } from '../postgres/tenant-database.js';

const [CURIOUS, OTHER] = [randomUUID(), randomUUID()] as const;

/** Values of the other tenant at which an operator might fail. */
const EXTREMES: Readonly<Record<string, readonly string[]>> = {
  numeric: [`'NaN'`, `'Infinity'`, `'-Infinity'`, '0', `repeat('9', 1000)::numeric`, '1e-1000', '10::numeric ^ 10000'],
  mood: [`'low'`, `'high'`],
  int4range: [`'empty'`, `'(,)'`, `'[1,2147483647)'`, `'[-2147483648,)'`, `'(,2147483647)'`],
  numrange: [`'empty'`, `'(,)'`, `'[NaN,NaN]'`, `'[-Infinity,Infinity]'`],
  jsonb: [
    `'null'`,
    `'[]'`,
    `'{}'`,
    `'1e1000'`,
    `'{"a":[1,{"b":null}]}'`,
    `(repeat('[', 500) || repeat(']', 500))::jsonb`,
  ],
  text: [`''`, `repeat('ß', 1000000)`, `U&'\\+01F600'`, `'%_\\'`],
  citext: [`''`, `repeat('ß', 1000000)::public.citext`],
};
const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='];
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  int4range: [...COMPARISONS, '&&', '@>', '<@', '<<', '>>', '&<', '&>', '-|-'],
  numrange: [...COMPARISONS, '&&', '@>', '<@', '<<', '>>', '&<', '&>', '-|-'],
};

let database: TenantDatabase;
let superuser: pg.Client;
let login: pg.Client;

/** A table per type, with values of the other tenant only. */
function tablesSql(): string {
  const tables = Object.entries(EXTREMES).map(([type, values], n) => {
    const name = `extremes_${n}`;
    return `CREATE TABLE ${name} (${TENANT_COLUMN}, v ${type});
      INSERT INTO ${name} VALUES ${values.map((value) => `('${OTHER}', ${value})`).join(', ')};
      ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ${createPoliciesSql(name).join(';')}`;
  });
  return `CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TABLE secrets (${TENANT_COLUMN}, word text, data jsonb, words tsvector);
    INSERT INTO secrets VALUES ('${OTHER}', 'swordfish', '"2020-01-01"', 'swordfish x');
    ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ${createPoliciesSql('secrets').join(';')}; ${tables.join(';')}`;
}

/** What the curious tenant learns: that its statement failed, or that it found nothing. */
async function outcome(condition: string, table = 'secrets'): Promise<string> {
  try {
    return `${(await login.query(`SELECT * FROM ${table} WHERE ${condition}`)).rows.length} rows`;
  } catch (error) {
    return (error as Error).message;
  }
}

interface RefusedOptions {
  /** Whether the server evaluates a query with more stack than it needs to build it, as PostgreSQL 15 does. */
  readonly exceedsStack?: boolean;
}

/** The word and 32,768 times the word again: evaluated to its end only where the word is found. */
function deepQuery(word: string): string {
  return `words @@ (WITH RECURSIVE r(n, q) AS (SELECT 0, '${word} & x'::tsquery
    UNION ALL SELECT n + 1, ts_rewrite(q, 'x'::tsquery, q) FROM r WHERE n < 15) SELECT q FROM r WHERE n = 15)`;
}

const FULLTEXT = ['fulltext', 'ts_match_vq(tsvector, tsquery)', deepQuery('swordfish'), deepQuery('spear')];

/** Which operators tell other tenants' values when they are marked, and that the others do not. */
export function refusedOperatorsSuite({ exceedsStack = false }: RefusedOptions = {}): void {
  describe('operators and their errors', () => {
    beforeAll(async () => {
      database = await createTenantDatabase();
      superuser = new pg.Client(superuserOf(database.name));
      await superuser.connect();
      await asSuperuser(database.name, 'CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION pg_trgm SCHEMA public');
      await database.define('shared', `SET search_path = shared, public; ${tablesSql()}`);
      const { host, port } = database.target.server;
      login = new pg.Client({
        host,
        port,
        user: database.role,
        password: database.target.password,
        database: database.name,
      });
      await login.connect();
      const key = await ensureKey(superuser);
      await login.query(
        `SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false),
                set_config('search_path', 'shared, public', false), set_config('enable_indexscan', 'off', false)`,
        [CURIOUS, proofOf(key, CURIOUS)],
      );
    });

    afterAll(async () => {
      await Promise.all([superuser, login].map((client) => client.end()));
      await database.drop();
    });

    describe('operators that are never marked', () => {
      it.each([
        ['like', 'textlike(text, text)', `word LIKE 'sword\\'`, `word LIKE 'spear\\'`],
        ['ilike', 'texticlike(text, text)', `word ILIKE 'SWORD\\'`, `word ILIKE 'SPEAR\\'`],
        [
          'array',
          'arraycontains(anyarray, anyarray)',
          `ARRAY[ROW(word, '{}'::json)] @> ARRAY[ROW('swordfish'::text, '{}'::json)]`,
          `ARRAY[ROW(word, '{}'::json)] @> ARRAY[ROW('spear'::text, '{}'::json)]`,
        ],
        ...(exceedsStack ? [FULLTEXT] : []),
        [
          'jsonpath',
          'jsonb_path_exists_opr(jsonb, jsonpath)',
          `data @? '$ ? (@.datetime() == "2020-01-01 00:00:00+00".datetime())'`,
          `data @? '$ ? (@ == "x")'`,
        ],
      ])("%s would tell the other tenant's value by an error", async (_kind, signature, right, wrong) => {
        expect([await outcome(right), await outcome(wrong)]).toEqual(['0 rows', '0 rows']);
        await asSuperuser(database.name, `ALTER FUNCTION ${signature} LEAKPROOF`);
        try {
          expect(await outcome(wrong)).toBe('0 rows');
          expect(await outcome(right)).not.toBe('0 rows');
        } finally {
          await asSuperuser(database.name, `ALTER FUNCTION ${signature} NOT LEAKPROOF`);
        }
      });
    });

    describe('operators that may be marked', () => {
      it("fail for none of another tenant's values, compared with any of them", async () => {
        const kinds = OPERATOR_KINDS.map(({ name }) => name);
        expect(
          (await markOperators(superuser, kinds, { leakproof: true, role: database.role })).length,
        ).toBeGreaterThan(30);
        const failures: string[] = [];
        const probe = async (condition: string, table: string): Promise<void> => {
          const told = await outcome(condition, table);
          if (told !== '0 rows') failures.push(`${condition}: ${told}`);
        };
        for (const [n, [type, values]] of Object.entries(EXTREMES).entries()) {
          const table = `extremes_${n}`;
          for (const value of values) {
            const operators = type === 'text' ? [] : (OPERATORS[type] ?? COMPARISONS);
            for (const operator of operators) await probe(`v ${operator} (${value})::${type}`, table);
          }
          if (type === 'text') for (const name of ['lower', 'upper']) await probe(`${name}(v) = 'x'`, table);
          if (type === 'jsonb') for (const c of [`v ? 'a'`, `v ?| '{a,NULL}'`, `v ?& '{}'`]) await probe(c, table);
        }
        expect(failures).toEqual([]);
      });
    });
  });
}
