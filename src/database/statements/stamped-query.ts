import type pg from 'pg';
import { currentTracing } from '../../tracing/tracing.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { tracedStatement } from './database-spans.js';
import { PipelinedQuery } from './pipelined-query.js';
import { pipelineOf, type SendOptions } from './query-pipeline.js';
import { openTransaction } from './readiness.js';
import { isRead, neverTookEffect } from './repeatable-read.js';
import type { Stamp } from './stamp.js';
import type { Statement } from './statement.js';
import { type StatementRecord, statementRecords } from './statement-records.js';
import type { TenantAccess } from './tenant-access.js';

const ALONE: SendOptions = { named: false, shared: true, together: false };

/**
 * Runs one statement under its stamp on a connection of the tenant's target and gives the connection back. A read that
 * met a dead connection is run once more on another one; a write never is.
 *
 * From here to the socket and back there is one promise, where a connection is free and nobody traces: each costs more
 * than all the rest of the way, because Node 20 follows every promise for AsyncLocalStorage.
 */
export function runStamped(access: TenantAccess, statement: Statement): Promise<pg.QueryResult> {
  const record = statementRecords.get(statement.text);
  const connection = currentTracing() ? undefined : access.tryForStatement(isQuickRead(record));
  return connection ? send({ access, statement, record }, connection) : acquireAndSend({ access, statement, record });
}

/**
 * Sends one statement and its stamp over a connection, and leaves the connection to whoever holds it. Without a stamp:
 * in the transaction that is open there.
 */
export function sendAlone(
  client: pg.ClientBase,
  stamp: Stamp | undefined,
  statement: Statement,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const flight = new PipelinedQuery(stamp, statement, undefined, (error, result) => {
      if (result) resolve(result);
      else reject(error);
    });
    pipelineOf(client).send(flight, ALONE);
  });
}

/** What is asked for, by whom. */
interface StatementRun {
  readonly access: TenantAccess;
  readonly statement: Statement;
  readonly record: StatementRecord | undefined;
  /** It met a dead connection before. */
  readonly isSecond?: boolean;
}

async function acquireAndSend(journey: StatementRun): Promise<pg.QueryResult> {
  const connection = await journey.access.forStatement(isQuickRead(journey.record));
  return tracedStatement(connection.client, journey.statement.text, () => send(journey, connection));
}

function send(journey: StatementRun, connection: PooledConnection): Promise<pg.QueryResult> {
  const { access, statement, record } = journey;
  const { client, isShared } = connection;
  if (connection.revoked) return Promise.reject(giveBack(connection, connection.revoked));
  return new Promise((resolve, reject) => {
    const line = pipelineOf(client);
    const flight = new PipelinedQuery(access.stamp, statement, record, (failure, result) => {
      const error = giveBack(connection, failure, flight);
      if (error === undefined && result) resolve(result);
      else if (mayRepeat(journey) && neverTookEffect(error, flight.completed)) resolve(repeat(journey));
      else reject(error);
    });
    connection.onRevoked?.((reason) => {
      reject(reason);
      line.abandon(flight);
    });
    line.send(flight, {
      named: connection.keepsPreparedStatements,
      shared: access.pool.target.shared,
      together: isShared,
    });
  });
}

function mayRepeat({ statement, record, isSecond }: StatementRun): boolean {
  return !isSecond && (record?.isRead ?? isRead(statement));
}

function repeat(journey: StatementRun): Promise<pg.QueryResult> {
  return acquireAndSend({ ...journey, isSecond: true });
}

/** Never throws: it is called by the connection's socket, where nobody would catch it. @returns what the caller is told */
function giveBack(connection: PooledConnection, error: unknown, flight?: PipelinedQuery): unknown {
  try {
    connection.release(whyDiscard(error, flight) ?? openTransaction(connection.client));
    return error === undefined ? undefined : (connection.revoked ?? error);
  } catch (failure) {
    return failure;
  }
}

function whyDiscard(error: unknown, flight: PipelinedQuery | undefined): string | undefined {
  if (flight?.isCanceled) return 'a cancel was sent to it';
  return error === undefined || flight?.isUnsendable ? undefined : discardReason(error);
}

function isQuickRead(record: StatementRecord | undefined): boolean {
  return record !== undefined && record.isQuickRead;
}
