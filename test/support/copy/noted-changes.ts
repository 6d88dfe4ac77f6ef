import pg from 'pg';
import { copiedTables } from '../../../src/database/copy/copied-tables.js';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';

const NOTES = `
  CREATE SCHEMA IF NOT EXISTS tenantry_isolation;
  CREATE TABLE IF NOT EXISTS tenantry_isolation.changes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL, relation text NOT NULL, key jsonb NOT NULL);
  CREATE OR REPLACE FUNCTION tenantry_isolation.test_note() RETURNS trigger LANGUAGE plpgsql AS $f$
    DECLARE changed jsonb;
    BEGIN
      FOREACH changed IN ARRAY ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END] LOOP
        IF changed IS NOT NULL THEN
          INSERT INTO tenantry_isolation.changes (tenant_id, relation, key)
          SELECT (changed->>'tenant_id')::uuid, TG_ARGV[0], jsonb_object_agg(name, changed->name) FROM unnest(TG_ARGV[1:]) name;
        END IF;
      END LOOP;
      RETURN NULL;
    END $f$`;

/** From now on, the keys of all rows that change at the place are noted, also those of other tenants. */
export async function noteChanges({ client, schema }: CopyPlace): Promise<void> {
  await client.query(NOTES);
  for (const { name, key } of (await copiedTables(client, schema)).flat()) {
    await client.query(
      `CREATE TRIGGER tenantry_move_test AFTER INSERT OR UPDATE OR DELETE ON ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}
       FOR EACH ROW EXECUTE FUNCTION tenantry_isolation.test_note(${[name, ...key].map((arg) => pg.escapeLiteral(arg)).join(', ')})`,
    );
  }
}

export async function notedChanges({ client }: CopyPlace, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM tenantry_isolation.changes WHERE tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.n ?? -1;
}
