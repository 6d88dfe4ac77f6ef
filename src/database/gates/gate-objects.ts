import type pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';
import { GATE_CLOSED } from './closed-gate.js';

export const GATES = `${ISOLATION_SCHEMA}.gates`;
export const CHANGES = `${ISOLATION_SCHEMA}.changes`;
/** How far a copy of a tenant's rows has come, at its destination. */
export const COPIED = `${ISOLATION_SCHEMA}.copied`;

/** The arguments of the advisory lock of a gate. @param tenant, schema SQL of texts */
export function gateLockSql(tenant: string, schema: string): string {
  return `hashtext('${LOCK_NAMES.gate}'), hashtext(${tenant} || ' ' || ${schema})`;
}

/**
 * `$1` tenant's id, `$2` schema. Holds the gate until the session is reset, so that a move waits for it. No function does this: a
 * pooled connection would keep the lock that any statement had it take.
 */
export const HOLD_GATE = `SELECT pg_advisory_lock_shared(${gateLockSql('$1::text', '$2::text')})`;

/** `$1` schema, behind the stamp. */
export const CHECK_GATE = `SELECT ${ISOLATION_SCHEMA}.check_gate($1)`;

/** Login roles name the functions of gates, other than those of policies, so that they need the schema. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS ${GATES} (
    tenant_id uuid,
    schema text,
    state text NOT NULL CHECK (state IN ('arriving', 'open', 'closed')),
    older text[] NOT NULL DEFAULT '{}', -- transactions that were under way when it was opened
    PRIMARY KEY (tenant_id, schema)
  );
  CREATE TABLE IF NOT EXISTS ${CHANGES} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    schema text NOT NULL,
    relation text NOT NULL,
    key jsonb NOT NULL
  );
  CREATE INDEX IF NOT EXISTS changes_tenant_id_idx ON ${CHANGES} (tenant_id, schema, relation);
  CREATE TABLE IF NOT EXISTS ${COPIED} (
    tenant_id uuid,
    schema text,
    relation text,
    copy_id uuid NOT NULL,
    up_to jsonb, -- the key of the last copied row; null when all are copied
    rows bigint NOT NULL,
    PRIMARY KEY (tenant_id, schema, relation)
  );
  REVOKE ALL ON ${GATES}, ${CHANGES}, ${COPIED} FROM PUBLIC;
  GRANT USAGE ON SCHEMA ${ISOLATION_SCHEMA} TO PUBLIC`;

const PROPERTIES = `SECURITY DEFINER SET search_path = pg_catalog, pg_temp`;
const REFUSE = `RAISE EXCEPTION 'the rows of this tenant have moved' USING ERRCODE = '${GATE_CLOSED}'`;

/** For a statement outside transactions. Without a lock: it waits for nothing, and a write takes the lock in its trigger. */
const CHECK = `
  CREATE OR REPLACE FUNCTION ${ISOLATION_SCHEMA}.check_gate(place text) RETURNS text LANGUAGE plpgsql STABLE ${PROPERTIES} AS $function$
BEGIN
  IF EXISTS (SELECT FROM ${GATES} g WHERE g.tenant_id = ${ISOLATION_SCHEMA}.may_read() AND g.schema = place AND g.state <> 'open') THEN
    ${REFUSE};
  END IF;
  RETURN '';
END $function$`;

const READ = `SELECT g.state INTO gate FROM ${GATES} g WHERE g.tenant_id = tenant AND g.schema = place`;

/**
 * Of the transaction of `tenant` at `place`: it holds the gate until its end, so that a move waits for it. One with a snapshot of
 * its own locks the gate's row as well: if that was changed since the snapshot, it fails, because it would write behind a gate
 * that it cannot see.
 */
const HOLD_AND_READ = `PERFORM pg_advisory_xact_lock_shared(${gateLockSql('tenant::text', 'place')});
    IF current_setting('transaction_isolation') = 'read committed' THEN
      ${READ};
    ELSE
      ${READ} FOR SHARE;
    END IF;`;

/** For the beginning of a transaction. A read-only one waits for no move, and no move for it. */
const ENTER = `
  CREATE OR REPLACE FUNCTION ${ISOLATION_SCHEMA}.enter_gate(place text) RETURNS text LANGUAGE plpgsql VOLATILE ${PROPERTIES} AS $function$
DECLARE
  tenant uuid := ${ISOLATION_SCHEMA}.may_write();
  gate text;
BEGIN
  IF tenant IS NULL THEN
    RETURN '';
  END IF;
  IF current_setting('transaction_read_only') = 'on' THEN
    ${READ};
  ELSE
    ${HOLD_AND_READ}
  END IF;
  IF gate <> 'open' THEN
    ${REFUSE};
  END IF;
  RETURN '';
END $function$`;

/**
 * The row trigger of a tenant that moves; its arguments are the tenant's id, the schema and the name of the table, and the
 * columns of its key. It runs for every role, also for one that has bypassed the application.
 */
const NOTE = `
  CREATE OR REPLACE FUNCTION ${ISOLATION_SCHEMA}.note_change() RETURNS trigger LANGUAGE plpgsql VOLATILE ${PROPERTIES} AS $function$
DECLARE
  tenant uuid := TG_ARGV[0];
  place text := TG_ARGV[1];
  gate text;
  row_key jsonb;
  former_key jsonb;
BEGIN
  ${HOLD_AND_READ}
  IF gate = 'closed' THEN
    ${REFUSE};
  ELSIF gate = 'arriving' THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    SELECT jsonb_object_agg(k, to_jsonb(NEW) -> k) INTO row_key FROM unnest(TG_ARGV[3:]) k;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    SELECT jsonb_object_agg(k, to_jsonb(OLD) -> k) INTO former_key FROM unnest(TG_ARGV[3:]) k;
  END IF;
  INSERT INTO ${CHANGES} (tenant_id, schema, relation, key)
  SELECT DISTINCT tenant, place, TG_ARGV[2], k.key FROM (VALUES (row_key), (former_key)) k (key) WHERE k.key IS NOT NULL;
  RETURN NULL;
END $function$`;

const REFUSE_TRUNCATE = `
  CREATE OR REPLACE FUNCTION ${ISOLATION_SCHEMA}.refuse_truncate() RETURNS trigger LANGUAGE plpgsql ${PROPERTIES} AS $function$
BEGIN
  RAISE EXCEPTION 'a tenant with rows in this table is being moved' USING ERRCODE = 'object_in_use';
END $function$`;

/**
 * Installs what a move of a tenant needs in the connected database: gates, noted changes, and their functions.
 *
 * @param client connected as the owner of the tenant tables, not in a transaction
 */
export async function ensureGateObjects(client: pg.ClientBase): Promise<void> {
  const statements = [
    `SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.isolation}'))`,
    TABLES,
    CHECK,
    ENTER,
    NOTE,
    REFUSE_TRUNCATE,
  ];
  await client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n')).catch(async (error: unknown) => {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  });
}
