import { randomUUID } from 'node:crypto';
import { ensureKey } from '../../dist/database/isolation/installed-keys.js';
import { installIsolationFunctions } from '../../dist/database/isolation/isolation-functions.js';
import { proofOf } from '../../dist/database/isolation/stamp-key.js';
import { createPoliciesSql } from '../../dist/database/isolation/tenant-policies.js';
import { markOperators } from '../../dist/database/leakproof/operator-functions.js';
import { OPERATOR_KINDS } from '../../dist/database/leakproof/operator-kinds.js';
import { conditions, REPLACEMENTS } from './leakproof-conditions.mjs';

const ROWS = 500_000;
const OTHERS = 1_000;

/** Where a tenant lives, and what is measured there. Row and schema tenants share a database. */
const PLACES = [
  { isolation: 'row', database: 'shared', schema: 'shared', name: 'row isolation, a tenant with half of 500,000 rows' },
  { isolation: 'schema', database: 'shared', schema: 'own', name: 'schema isolation, a tenant with 500,000 rows' },
  {
    isolation: 'database',
    database: 'dedicated',
    schema: 'tenant',
    name: 'database isolation, a tenant with 500,000 rows',
  },
];

/** The isolations that can be measured. */
export const ISOLATIONS = PLACES.map(({ isolation }) => isolation);

/**
 * Two copies of each database, of which one has the operators marked, so that rounds can alternate between them.
 *
 * @returns for each of these isolations a client per state, stamped for a tenant of many rows
 */
export async function makeDatabases(postgres, cleanup, isolations) {
  const tenant = randomUUID();
  await postgres.client.query('CREATE ROLE reader');
  const places = PLACES.filter(({ isolation }) => isolations.includes(isolation));
  const made = [];
  for (const database of new Set(places.map((place) => place.database))) {
    const here = places.filter((place) => place.database === database);
    const key = await makeCopies(postgres, database, here, tenant);
    for (const { schema, name } of here) {
      const clientOf = (copy, isReader) =>
        connect(postgres, cleanup, {
          database: `${database}_${copy}`,
          schema,
          isReader,
          tenant,
          proof: proofOf(key, tenant),
        });
      const clients = {
        policy: await clientOf('unmarked', true),
        remedy: await clientOf('marked', true),
        none: await clientOf('unmarked', false),
      };
      made.push({ name, clients, tenant });
    }
  }
  return made;
}

async function connect(postgres, cleanup, { database, schema, isReader, tenant, proof }) {
  const client = await postgres.connect(database);
  cleanup.add(() => client.end());
  await client.query(
    `SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false), set_config('search_path', $3, false)`,
    [tenant, proof, `${schema}, public`],
  );
  if (isReader) await client.query('SET ROLE reader');
  return client;
}

/** @returns the key of the databases' stamps */
async function makeCopies(postgres, database, places, tenant) {
  const [unmarked, marked] = [`${database}_unmarked`, `${database}_marked`];
  await postgres.client.query(`CREATE DATABASE ${unmarked}`);
  const key = await postgres.withClient(unmarked, (owner) => makeTables(owner, places, tenant));
  await postgres.client.query(`CREATE DATABASE ${marked} TEMPLATE ${unmarked}`);
  await postgres.withClient(marked, async (superuser) => {
    await superuser.query('SET search_path = pg_catalog');
    await markOperators(
      superuser,
      OPERATOR_KINDS.map(({ name }) => name),
      { leakproof: true, role: 'reader' },
    );
  });
  return key;
}

async function makeTables(owner, places, tenant) {
  for (const name of ['btree_gin', 'btree_gist', 'pg_trgm', 'citext']) await owner.query(`CREATE EXTENSION ${name}`);
  await installIsolationFunctions(owner, 'refused');
  await owner.query(`SET maintenance_work_mem = '256MB'; CREATE TYPE kind AS ENUM ('common', 'rare')`);
  const some = `CASE WHEN n % 2 = 0 THEN '${tenant}'::uuid ELSE md5((n % ${OTHERS * 2})::text)::uuid END`;
  for (const { isolation, schema } of places) {
    const owning = isolation === 'row' ? some : `'${tenant}'::uuid`;
    await owner.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.documents AS ${rowsSql(owning)}`);
    const indexes = [...conditions().map(({ index }) => index), ...REPLACEMENTS];
    for (const index of indexes) {
      const [, method = '', columns] = /^(USING \w+ )?(.*)$/.exec(index);
      await owner.query(`CREATE INDEX ON ${schema}.documents ${method}${columns}`);
    }
    await owner.query(`ALTER TABLE ${schema}.documents ENABLE ROW LEVEL SECURITY;
      ${createPoliciesSql(`${schema}.documents`).join(';')};
      GRANT USAGE ON SCHEMA ${schema} TO reader; GRANT SELECT ON ${schema}.documents TO reader`);
  }
  await owner.query('VACUUM ANALYZE');
  return ensureKey(owner);
}

function rowsSql(owning) {
  return `SELECT ${owning} AS tenant_id, n AS id, (n * 7919 % 5000)::numeric / 100 AS amount, n * 7919 % 5000 AS cents,
      CASE WHEN n / 2 % 2500 = 0 THEN 'rare' ELSE 'common' END::kind AS kind,
      timestamptz '2026-01-01Z' + n * interval '1 min' AS at,
      tstzrange(timestamptz '2026-01-01Z' + n * interval '1 min', timestamptz '2026-01-01Z' + (n + 60) * interval '1 min') AS during,
      ARRAY['t' || n / 2 % 2500, 'u' || n % 7] AS tags, jsonb_build_object('sku', n / 2 % 2500, 'size', n % 5) AS data,
      to_tsvector('simple', 'word' || n / 2 % 2500 || ' document') AS words, 'User' || n || '@Example.com' AS email,
      md5(n::text) AS name, to_jsonb(show_trgm(md5(n::text))) AS trigrams, to_jsonb(ARRAY['t' || n / 2 % 2500, 'u' || n % 7]) AS tag_list,
      to_jsonb(ARRAY['word' || n / 2 % 2500, 'document']) AS word_list, (n / 2 % 2500)::text AS sku
    FROM generate_series(1::bigint, ${ROWS}) n`;
}
