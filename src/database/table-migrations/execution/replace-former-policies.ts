import type pg from 'pg';
import { escapeIdentifier } from 'pg';
import { databaseHasCitus } from '../../citus/citus.js';
import { createPoliciesSql, FORMER_POLICY } from '../../isolation/tenant-policies.js';
import { lockFailure, LockRetry, type LockRetryOptions } from '../locks/lock-retry.js';
import { MigrationLockedError } from './migration.errors.js';

const TABLES_WITH_FORMER_POLICY = `
  SELECT c.relname AS table FROM pg_policy p
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = p.polrelid
    AND d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident($1))
  JOIN pg_class c ON c.oid = p.polrelid
  WHERE p.polname = '${FORMER_POLICY}' ORDER BY c.relname`;

export interface ReplaceOptions extends LockRetryOptions {
  /** How long a table's lock may be waited for, blocking the queries queued behind it, in ms. */
  readonly lockTimeoutMs: number;
}

/**
 * Gives the schema's tables the policies of this release in place of the former one. One table at a time and in one
 * transaction each, so that no statement finds a table without policies; a table that is locked is tried again later.
 *
 * @param client connected as the owner of the tables, not in a transaction
 * @throws MigrationLockedError when a table was locked at every attempt, or the signal's reason
 */
export async function replaceFormerPolicies(
  client: pg.ClientBase,
  schema: string,
  { lockTimeoutMs, ...retry }: ReplaceOptions,
): Promise<void> {
  const { rows } = await client.query<{ table: string }>(TABLES_WITH_FORMER_POLICY, [schema]);
  const hasCitus = rows.length > 0 && (await databaseHasCitus(client));
  for (const { table } of rows) {
    const name = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
    const commands = [
      'BEGIN',
      `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
      `DROP POLICY IF EXISTS ${FORMER_POLICY} ON ${name}`,
      ...createPoliciesSql(name, hasCitus),
      'COMMIT',
    ];
    await new LockRetry(retry)
      .run(
        () => replace(client, commands),
        () => true,
      )
      .catch((error: unknown) => {
        const locked = lockFailure(error);
        throw locked ? new MigrationLockedError(undefined, locked.code ?? '', locked) : error;
      });
  }
}

async function replace(client: pg.ClientBase, commands: readonly string[]): Promise<void> {
  try {
    await client.query(commands.join('; '));
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}
