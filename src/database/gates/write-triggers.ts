import pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';
import { lockFailure, LockRetry } from '../table-migrations/locks/lock-retry.js';
import { shortHash } from '../../platform/postgres/identifiers.js';
import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';

/** A table whose changes pass a gate. */
export interface WatchedTable {
  readonly name: string;
  /** Columns of its key, which is noted with each change; without any, nothing is noted. */
  readonly key: readonly string[];
}

/** How a table's lock is waited for. */
export interface LockWait {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** There are pauses between them, in which the statements behind an attempt go on. Default: 60. */
  readonly attempts?: number;
  /** How long an attempt waits, and with it the statements behind it. Default: 500. */
  readonly attemptMs?: number;
}

const LOCK_WAIT = { attempts: 60, attemptMs: 500 };
/** A trigger is dropped only while no statement uses its table, not even a reading one. Without success nothing is lost. */
const DROP_WAIT = { attempts: 6, attemptMs: 50 };

/** What the names of all triggers of moves begin with. */
export const TRIGGER_PREFIX = 'tenantry_move_';

/** What the names of those of one tenant begin with. */
function triggerNameOf(tenantId: string): string {
  return `${TRIGGER_PREFIX}${shortHash(tenantId, 12)}`;
}

/** Raised when transactions that write to a table left no moment for its triggers. Of this table nothing was changed. */
class TableInUseError extends CodedError {
  readonly code = 'TABLE_IN_USE';

  /** @param table as SQL */
  constructor(table: string, cause: unknown) {
    super(
      `table ${table} could not be locked: transactions that write to it overlap all the time, or one does not end`,
      {
        cause,
      },
    );
  }
}

/**
 * Has the writes of one tenant noted, and refused once its gate is closed. Rows of other tenants of the tables cost them a
 * comparison. Each table is locked for a moment, and given way to those who use it.
 *
 * @param client connected as the owner of the tables, not in a transaction
 * @throws TableInUseError, the signal's reason
 */
export async function createWriteTriggers(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  tables: readonly WatchedTable[],
  wait: LockWait,
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
    await givingWay(client, table, statements, wait);
  }
}

const EVENTS = ['insert', 'update', 'delete', 'truncate'] as const;

/**
 * Disables them, also where only some are left: from then on a write costs nothing more, and is neither noted nor refused.
 *
 * @throws TableInUseError, the signal's reason
 */
export async function disableWriteTriggers(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  signal: AbortSignal,
): Promise<void> {
  const names = EVENTS.map((event) => `${triggerNameOf(tenantId)}_${event}`);
  const enabled = await moveTriggers(client, schema, `t.tgenabled <> 'D' AND t.tgname = ANY ($2)`, names);
  for (const { table, triggers } of enabled) {
    const disable = triggers.map((trigger) => `ALTER TABLE ${table} DISABLE TRIGGER ${trigger}`);
    await givingWay(client, table, disable, { signal });
  }
}

/**
 * Drops the disabled triggers of all moves in a schema, of tables that are not in use all the time. On others they stay until the next
 * move there.
 *
 * @throws the signal's reason
 */
export async function dropDisabledTriggers(client: pg.ClientBase, schema: string, signal: AbortSignal): Promise<void> {
  const disabled = await moveTriggers(
    client,
    schema,
    `t.tgenabled = 'D' AND starts_with(t.tgname, $2)`,
    TRIGGER_PREFIX,
  );
  for (const { table } of disabled) {
    // Once it is locked, they are looked up again: a move that has begun since may have enabled its own.
    const statements = [`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`, dropDisabledOf(table)];
    try {
      await givingWay(client, table, statements, { ...DROP_WAIT, signal });
    } catch (error) {
      if (!(error instanceof TableInUseError)) throw error;
    }
  }
}

function dropDisabledOf(table: string): string {
  const relation = `${pg.escapeLiteral(table)}::regclass`;
  return `DO $tenantry$ DECLARE name text; BEGIN
    FOR name IN SELECT tgname FROM pg_trigger
      WHERE tgrelid = ${relation} AND tgparentid = 0 AND tgenabled = 'D' AND starts_with(tgname, '${TRIGGER_PREFIX}')
    LOOP EXECUTE format('DROP TRIGGER %I ON %s', name, ${relation}); END LOOP; END $tenantry$`;
}

interface TriggersOfTable {
  /** As SQL. */
  readonly table: string;
  readonly triggers: readonly string[];
}

async function moveTriggers(
  client: pg.ClientBase,
  schema: string,
  condition: string,
  value: string | readonly string[],
): Promise<readonly TriggersOfTable[]> {
  const { rows } = await client.query<TriggersOfTable>(
    `SELECT c.relname AS table, array_agg(t.tgname::text) AS triggers FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND t.tgparentid = 0 AND ${condition}
     GROUP BY c.relname`,
    [schema, value],
  );
  return rows.map(({ table, triggers }) => ({ table: qualified(schema, table), triggers }));
}

async function givingWay(
  client: pg.ClientBase,
  table: string,
  statements: readonly string[],
  { signal, ...wait }: LockWait,
): Promise<void> {
  const { attempts, attemptMs } = { ...LOCK_WAIT, ...wait };
  const run = async (): Promise<void> => {
    try {
      await client.query(['BEGIN', `SET LOCAL lock_timeout = ${attemptMs}`, ...statements, 'COMMIT'].join(';\n'));
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
      throw error;
    }
  };
  try {
    await new LockRetry({ attempts, signal }).run(run, () => true);
  } catch (error) {
    throw lockFailure(error) ? new TableInUseError(table, error) : error;
  }
}

function qualified(schema: string, table: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}
