import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureKey } from '../../../src/database/isolation/installed-keys.js';
import { proofOf } from '../../../src/database/isolation/stamp-key.js';
import { type MarkOptions, markOperators, readMarkings } from '../../../src/database/leakproof/operator-functions.js';
import { OPERATOR_KINDS } from '../../../src/database/leakproof/operator-kinds.js';
import { asSuperuser, testServer } from '../postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../postgres/tenant-database.js';
import { EXTENSIONS, SEARCHES, searchedTableSql } from './searched-rows.js';

const [A, B] = [randomUUID(), randomUUID()] as const;
const KINDS = OPERATOR_KINDS.map(({ name }) => name);

let toMark: MarkOptions;
let toUnmark: MarkOptions;
let database: TenantDatabase;
let superuser: pg.Client;
let owner: pg.Client;
let login: pg.Client;

async function connect(user: string, password: string): Promise<pg.Client> {
  const { host, port } = testServer();
  const client = new pg.Client({ host, port, user, password, database: database.name });
  await client.connect();
  return client;
}

/** The conditions that the index serves, as EXPLAIN shows them. */
async function indexConditions(condition: string): Promise<string> {
  await login.query('SET enable_seqscan = off');
  const { rows } = await login.query(`EXPLAIN (COSTS OFF) SELECT * FROM searched WHERE ${condition}`);
  return rows
    .map((row: Record<string, string>) => row['QUERY PLAN'] ?? '')
    .filter((line) => line.includes('Index Cond'))
    .join();
}

/** The kinds that are marked, wholly or in part. */
async function marked(): Promise<string[]> {
  return [...(await readMarkings(owner))].filter(([, marking]) => marking !== 'none').map(([kind]) => kind);
}

async function rowsOf(condition: string): Promise<unknown[]> {
  return (await login.query(`SELECT tenant_id, id FROM searched WHERE ${condition} ORDER BY id`)).rows;
}

function alterations(statements: readonly string[]): string[] {
  return statements.filter((statement) => statement.startsWith('ALTER FUNCTION'));
}

/** What marking operators as leakproof does, on the server of the test run. */
export function markedOperatorsSuite(): void {
  describe('marking operators', () => {
    beforeAll(async () => {
      database = await createTenantDatabase();
      [toMark, toUnmark] = [true, false].map((leakproof) => ({ leakproof, role: database.role })) as [
        MarkOptions,
        MarkOptions,
      ];
      const server = testServer();
      superuser = await connect(server.superuser, server.superuserPassword);
      await asSuperuser(database.name, EXTENSIONS.map((name) => `CREATE EXTENSION ${name} SCHEMA public`).join(';'));
      await database.define('searches', `SET search_path = searches, public; ${searchedTableSql([A, B])}`);
      owner = await connect(server.owner, server.ownerPassword);
      login = await connect(database.role, database.target.password);
      await login.query(
        `SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false),
                set_config('search_path', 'searches, public', false)`,
        [A, proofOf(await ensureKey(owner), A)],
      );
    });

    afterEach(() => markOperators(superuser, KINDS, toUnmark));

    afterAll(async () => {
      await Promise.all([superuser, owner, login].map((client) => client.end()));
      await database.drop();
    });

    describe('operators that are marked leakproof', () => {
      it.each(Object.entries(SEARCHES))(
        'make %s conditions index conditions under the policies, until that is taken back',
        async (kind, { condition }) => {
          const column = /^(?:lower\()?(\w+)/.exec(condition)?.[1] ?? '';
          const before = await rowsOf(condition);
          expect(before.length).toBeGreaterThan(0);
          expect(await indexConditions(condition)).not.toContain(column);

          await markOperators(superuser, [kind], toMark);
          expect(await indexConditions(condition)).toContain(column);
          expect(await rowsOf(condition)).toEqual(before);

          await markOperators(superuser, [kind], toUnmark);
          expect(await indexConditions(condition)).not.toContain(column);
        },
      );

      it('are marked once: a second run finds nothing to do, a dry run changes nothing', async () => {
        const planned = await markOperators(superuser, ['numeric', 'citext'], { ...toMark, dryRun: true });
        expect(planned).toContain('ALTER FUNCTION pg_catalog.numeric_eq(numeric, numeric) LEAKPROOF');
        expect(planned).toContain('ALTER FUNCTION public.citext_eq(public.citext, public.citext) LEAKPROOF');
        expect(await marked()).toEqual([]);
        expect(await markOperators(superuser, ['numeric', 'citext'], toMark)).toEqual(planned);
        expect(await markOperators(superuser, ['numeric', 'citext'], toMark)).toEqual([]);
      });

      it('change the plans that connections have already, and change them back', async () => {
        await login.query('SET plan_cache_mode = force_generic_plan');
        await login.query(`PREPARE kept AS SELECT * FROM searched WHERE kind = 'rare'`);
        const plan = async (): Promise<string> =>
          JSON.stringify((await login.query('EXPLAIN (COSTS OFF) EXECUTE kept')).rows);
        try {
          const before = await plan();
          expect(before).not.toMatch(/Index Cond[^"]*kind/);
          await markOperators(superuser, ['enum'], toMark);
          expect(await plan()).toMatch(/Index Cond[^"]*kind/);
          await markOperators(superuser, ['enum'], toUnmark);
          expect(await plan()).toBe(before);
        } finally {
          await login.query('DEALLOCATE kept; RESET plan_cache_mode');
        }
      });

      it('leave the rights of every role as they were', async () => {
        const rights = `SELECT relname, relacl::text FROM pg_class WHERE relname = 'searched'`;
        const before = await asSuperuser(database.name, rights);
        await markOperators(superuser, ['numeric'], toMark);
        expect(await asSuperuser(database.name, rights)).toEqual(before);
      });

      it('are those that PostgreSQL and the extension brought, whatever else has their names', async () => {
        await owner.query(`CREATE SCHEMA "x; DROP TABLE searches.searched";
          CREATE FUNCTION "x; DROP TABLE searches.searched".numeric_eq(numeric, numeric) RETURNS bool LANGUAGE sql AS 'SELECT true';
          CREATE FUNCTION "x; DROP TABLE searches.searched".citext_eq(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true'`);
        await asSuperuser(
          database.name,
          `ALTER EXTENSION citext ADD FUNCTION "x; DROP TABLE searches.searched".citext_eq(text, text)`,
        );
        const statements = alterations(await markOperators(superuser, KINDS, toMark));
        expect(statements.filter((statement) => statement.includes('x;'))).toEqual([]);
        const expected = OPERATOR_KINDS.flatMap(({ functions }) => Object.keys(functions));
        expect(statements).toHaveLength(expected.length);
      });

      it('are not for an owner that is no superuser', async () => {
        await expect(markOperators(owner, ['numeric'], toMark)).rejects.toThrow('must be owner of function');
        expect(await marked()).toEqual([]);
      });
    });
  });
}
