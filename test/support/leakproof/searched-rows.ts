import { createPoliciesSql } from '../../../src/database/isolation/tenant-policies.js';
import { TENANT_COLUMN } from '../postgres/tenant-database.js';

/** What the table of searched rows needs, beside the operators that may be marked. */
export const EXTENSIONS = ['btree_gin', 'btree_gist', 'citext', 'pg_trgm'];

/** Kind of operators -> an index that is made for it, and a condition. */
export const SEARCHES: Readonly<Record<string, { readonly index: string; readonly condition: string }>> = {
  numeric: { index: 'searched (tenant_id, amount)', condition: 'amount BETWEEN 10 AND 10.5' },
  enum: { index: 'searched (tenant_id, kind)', condition: `kind = 'rare'` },
  range: {
    index: 'searched USING gist (tenant_id, during)',
    condition: `during && tstzrange('2026-01-02Z', '2026-01-02 01:00Z')`,
  },
  jsonb: { index: 'searched USING gin (tenant_id, tags)', condition: `tags ? 't10'` },
  lower: { index: 'searched (tenant_id, lower(email))', condition: `lower(email) = 'user10@example.com'` },
  citext: { index: 'searched (tenant_id, nickname)', condition: `nickname = 'NICK10'` },
};

/** A table of two tenants, with an index for each kind. */
export function searchedTableSql(tenants: readonly [string, string]): string {
  return `
    CREATE TYPE kind AS ENUM ('common', 'rare');
    CREATE TABLE searched (
      ${TENANT_COLUMN}, id bigint NOT NULL, amount numeric NOT NULL, kind kind NOT NULL, during tstzrange NOT NULL,
      tags jsonb NOT NULL, data jsonb NOT NULL, words tsvector NOT NULL, email text NOT NULL, nickname public.citext NOT NULL,
      code text NOT NULL);
    INSERT INTO searched SELECT CASE n % 2 WHEN 0 THEN '${tenants[0]}'::uuid ELSE '${tenants[1]}' END, n, n % 5000 / 10.0,
      CASE WHEN n % 500 = 0 THEN 'rare' ELSE 'common' END::kind,
      tstzrange(timestamptz '2026-01-01Z' + n * interval '10 min', timestamptz '2026-01-01Z' + (n + 5) * interval '10 min'),
      jsonb_build_array('t' || n % 1000, 'u' || n % 7), jsonb_build_object('sku', n % 1000, 'size', n % 5),
      to_tsvector('simple', 'word' || n % 1000 || ' all'), 'User' || n || '@Example.com', 'Nick' || n, md5(n::text)
    FROM generate_series(1, 8000) n;
    ${Object.entries(SEARCHES)
      .map(([kind, { index }]) => `CREATE INDEX by_${kind} ON ${index}`)
      .join(';')};
    ALTER TABLE searched ENABLE ROW LEVEL SECURITY; ${createPoliciesSql('searched').join(';')}; ANALYZE searched`;
}
