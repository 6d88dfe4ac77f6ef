import type { ControlPlaneSession } from '../cli/session/control-plane-session.js';
import { TargetDatabases } from '../admin/targets/target-databases.js';

/**
 * Only tables with rows: truncating one creates its files again. The owner sees the rows of all tenants, because policies do
 * not hold for it. A test that has left a transaction open fails here instead of waiting for ever.
 */
const EMPTY_TABLES = `
  SET lock_timeout = '10s';
  DO $$
  DECLARE
    tenant_table text;
    has_rows boolean;
    filled text[] := '{}';
  BEGIN
    FOR tenant_table IN
      SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
      WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity
        AND a.attname = 'tenant_id' AND NOT a.attisdropped
    LOOP
      EXECUTE 'SELECT EXISTS (SELECT FROM ' || tenant_table || ')' INTO has_rows;
      IF has_rows THEN filled := filled || tenant_table; END IF;
    END LOOP;
    IF cardinality(filled) > 0 THEN
      EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' RESTART IDENTITY CASCADE';
    END IF;
  END $$;
  RESET lock_timeout`;

/** Removes all rows of all tenants, in every database. Reference tables keep theirs. */
export async function emptyTenantTables(session: ControlPlaneSession): Promise<void> {
  const databases = session.get(TargetDatabases);
  const targets = await databases.all();
  await Promise.all(targets.map((target) => databases.use(target, (owner) => owner.query(EMPTY_TABLES))));
}
