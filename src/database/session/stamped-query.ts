import type pg from 'pg';
import { currentTracing } from '../../tracing/tracing.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../pool/discard.js';
import { tracedStatement } from './database-spans.js';
import { Flight } from './flight.js';
import { lineOf, type LineUse } from './flight-line.js';
import { openTransaction } from './readiness.js';
import { isRead, neverTookEffect } from './repeatable-read.js';
import type { Stamp } from './stamp.js';
import type { Statement } from './statement.js';
import { statementRecords } from './statement-records.js';
import type { TenantAccess } from './tenant-access.js';

const ALONE: LineUse = { named: false, shared: true, together: false };

/**
 * Runs one statement under its stamp on a connection of the tenant's target and gives the connection back. A read that
 * met a dead connection is run once more on another one; a write never is.
 *
 * From here to the socket and back there is one promise, where a connection is free and nobody traces: each costs more
 * than all the rest of the way, because Node 20 follows every promise for AsyncLocalStorage.
 */
export function runStamped(access: TenantAccess, statement: Statement): Promise<pg.QueryResult> {
  const connection = currentTracing() ? undefined : access.tryForStatement(isQuickRead(statement));
  return connection ? fly(access, statement, connection, isRead(statement)) : waitAndFly(access, statement);
}

/** Sends one statement and its stamp over a connection, and leaves the connection to whoever holds it. */
export function sendStamped(client: pg.ClientBase, stamp: Stamp, statement: Statement): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const flight = new Flight(stamp, statement, undefined, (error, result) => {
      if (result) resolve(result);
      else reject(error);
    });
    lineOf(client).send(flight, ALONE);
  });
}

async function waitAndFly(
  access: TenantAccess,
  statement: Statement,
  mayRepeat = isRead(statement),
): Promise<pg.QueryResult> {
  const connection = await access.forStatement(isQuickRead(statement));
  return tracedStatement(connection.client, statement.text, () => fly(access, statement, connection, mayRepeat));
}

function fly(
  access: TenantAccess,
  statement: Statement,
  connection: PooledConnection,
  mayRepeat: boolean,
): Promise<pg.QueryResult> {
  const { client, isShared } = connection;
  if (connection.takenAway) return Promise.reject(giveBack(connection, connection.takenAway));
  return new Promise((resolve, reject) => {
    const line = lineOf(client);
    const flight = new Flight(access.stamp, statement, statementRecords.get(statement.text), (failure, result) => {
      const error = giveBack(connection, failure, flight);
      if (error === undefined && result) resolve(result);
      else if (mayRepeat && neverTookEffect(error, flight.completed)) resolve(waitAndFly(access, statement, false));
      else reject(error);
    });
    connection.onTakenAway?.((reason) => {
      reject(reason);
      line.abandon(flight);
    });
    line.send(flight, { named: connection.isKept, shared: access.pool.target.shared, together: isShared });
  });
}

/** Never throws: it is called by the connection's socket, where nobody would catch it. @returns what the caller is told */
function giveBack(connection: PooledConnection, error: unknown, flight?: Flight): unknown {
  try {
    const isHarmless = error === undefined || flight?.isUnsendable;
    connection.release((isHarmless ? undefined : discardReason(error)) ?? openTransaction(connection.client));
    return error === undefined ? undefined : (connection.takenAway ?? error);
  } catch (failure) {
    return failure;
  }
}

function isQuickRead({ text }: Statement): boolean {
  return statementRecords.get(text)?.isQuickRead === true;
}
