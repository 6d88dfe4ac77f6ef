import pg from 'pg';
import { LockRetry } from '../table-migrations/locks/lock-retry.js';
import { shortHash } from '../../platform/postgres/identifiers.js';
import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';

/** A table whose changes pass a gate. */
export interface WatchedTable {
  readonly name: string;
  /** Columns of its key, which is noted with each change; without any, nothing is noted. */
  readonly key: readonly string[];
}

const LOCK_TIMEOUT_MS = 500;
const ATTEMPTS = 60;

/** The name of all triggers of a move of the tenant. */
function triggerNameOf(tenantId: string): string {
  return `tenantry_move_${shortHash(tenantId, 12)}`;
}

/**
 * Has the writes of one tenant noted, and refused once its gate is closed. Rows of other tenants of the tables cost them a
 * comparison. Each table is locked for a moment, and given way to those who use it.
 *
 * @param client connected as the owner of the tables, not in a transaction
 */
export async function createWriteTriggers(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  tables: readonly WatchedTable[],
  signal: AbortSignal,
): Promise<void> {
  for (const { name, key } of tables) {
    const table = qualified(schema, name);
    const argumentsSql = [tenantId, schema, name, ...key].map((value) => pg.escapeLiteral(value)).join(', ');
    const create = (event: string, row: string, suffix: string): string =>
      `CREATE OR REPLACE TRIGGER ${triggerNameOf(tenantId)}_${suffix} AFTER ${event} ON ${table} FOR EACH ROW
       WHEN (${row}) EXECUTE FUNCTION ${ISOLATION_SCHEMA}.note_change(${argumentsSql})`;
    const id = `${pg.escapeLiteral(tenantId)}::uuid`;
    const statements = [
      create('INSERT', `NEW.tenant_id = ${id}`, 'insert'),
      create('UPDATE', `NEW.tenant_id = ${id} OR OLD.tenant_id = ${id}`, 'update'),
      create('DELETE', `OLD.tenant_id = ${id}`, 'delete'),
      `CREATE OR REPLACE TRIGGER ${triggerNameOf(tenantId)}_truncate BEFORE TRUNCATE ON ${table}
       EXECUTE FUNCTION ${ISOLATION_SCHEMA}.refuse_truncate()`,
      ...EVENTS.map((event) => `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${triggerNameOf(tenantId)}_${event}`),
    ];
    await givingWay(client, statements, signal);
  }
}

const EVENTS = ['insert', 'update', 'delete', 'truncate'] as const;

/** Removes them, also where only some are left. */
export async function dropWriteTriggers(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  signal: AbortSignal,
): Promise<void> {
  const { rows } = await client.query<{ table: string; triggers: string[] }>(
    `SELECT c.relname AS table, array_agg(t.tgname::text) AS triggers FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND t.tgparentid = 0
       AND t.tgname = ANY ($2)
     GROUP BY c.relname`,
    [schema, EVENTS.map((event) => `${triggerNameOf(tenantId)}_${event}`)],
  );
  for (const { table, triggers } of rows) {
    const drops = triggers.map((trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON ${qualified(schema, table)}`);
    await givingWay(client, drops, signal);
  }
}

async function givingWay(client: pg.ClientBase, statements: readonly string[], signal: AbortSignal): Promise<void> {
  const retry = new LockRetry({ attempts: ATTEMPTS, signal });
  const run = async (): Promise<void> => {
    try {
      await client.query(['BEGIN', `SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`, ...statements, 'COMMIT'].join(';\n'));
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
      throw error;
    }
  };
  await retry.run(run, () => true);
}

function qualified(schema: string, table: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}
