import type pg from 'pg';
import { currentTracing } from '../../tracing/tracing.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { tracedStatement } from './database-spans.js';
import { PipelinedQuery, type Prelude } from './pipelined-query.js';
import { pipelineOf, type SendOptions } from './query-pipeline.js';
import { openTransactionReason, unreadStatementReason } from './readiness.js';
import { isRead, neverTookEffect } from './retryable-read.js';
import type { Statement } from './statement.js';
import { type StatementRecord, statementRecords } from './statement-records.js';
import type { TenantAccess } from './tenant-access.js';

const UNCOALESCED: SendOptions = { named: false, shared: true, coalesce: false };

/**
 * Runs one statement under its stamp on a connection of the tenant's target and releases the connection. A read that met
 * a dead connection is retried once on another one; a write never is.
 *
 * With a free connection and tracing off there is a single promise from here to the socket and back: each promise costs
 * more than everything else on this path, because Node 20 tracks every promise for AsyncLocalStorage.
 */
export function runStamped(access: TenantAccess, statement: Statement): Promise<pg.QueryResult> {
  const record = statementRecords.get(statement.text);
  const connection = currentTracing() ? undefined : access.tryAcquireForStatement(isQuickRead(record));
  return connection ? send({ access, statement, record }, connection) : acquireAndSend({ access, statement, record });
}

/**
 * Sends one statement on a client that the caller holds and keeps, always over the extended protocol, so that the server
 * rejects a text with two commands. Without a prelude it runs in the transaction or session that is open there.
 */
export function sendOnClient(client: pg.ClientBase, prelude: Prelude, statement: Statement): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const query = new PipelinedQuery(prelude, statement, undefined, (error, result) => {
      if (result) resolve(result);
      else reject(error);
    });
    pipelineOf(client).send(query, UNCOALESCED);
  });
}

/** One statement on its way through the pool, and the tenant that it runs for. */
interface StatementRun {
  readonly access: TenantAccess;
  readonly statement: Statement;
  readonly record: StatementRecord | undefined;
  /** The first attempt met a dead connection. */
  readonly isRetry?: boolean;
}

async function acquireAndSend(run: StatementRun): Promise<pg.QueryResult> {
  const connection = await run.access.acquireForStatement(isQuickRead(run.record));
  return tracedStatement(connection.client, run.statement.text, () => send(run, connection));
}

function send(run: StatementRun, connection: PooledConnection): Promise<pg.QueryResult> {
  const { access, statement, record } = run;
  const { client, isShared } = connection;
  if (connection.revoked) return Promise.reject(release(connection, connection.revoked));
  return new Promise((resolve, reject) => {
    const pipeline = pipelineOf(client);
    const query = new PipelinedQuery({ stamp: access.stamp }, statement, record, (failure, result) => {
      const error = release(connection, failure, query);
      if (error === undefined && result) resolve(result);
      else if (mayRetry(run) && neverTookEffect(error, query.hasExecuted)) resolve(retry(run));
      else reject(error);
    });
    connection.onRevoked?.((reason) => {
      reject(reason);
      pipeline.abandon(query);
    });
    pipeline.send(query, {
      named: connection.keepsPreparedStatements,
      shared: access.pool.target.shared,
      coalesce: isShared,
    });
  });
}

function mayRetry({ statement, record, isRetry }: StatementRun): boolean {
  return !isRetry && (record?.isRead ?? isRead(statement));
}

function retry(run: StatementRun): Promise<pg.QueryResult> {
  return acquireAndSend({ ...run, isRetry: true });
}

/**
 * Never throws: it is called from the connection's socket events, where an error would be uncaught.
 *
 * @returns the error for the caller, or undefined after a success
 */
function release(connection: PooledConnection, error: unknown, query?: PipelinedQuery): unknown {
  try {
    connection.release(discardReasonFor(error, query) ?? openTransactionReason(connection.client));
    return error === undefined ? undefined : (connection.revoked ?? error);
  } catch (failure) {
    return failure;
  }
}

function discardReasonFor(error: unknown, query: PipelinedQuery | undefined): string | undefined {
  if (query?.isCanceled) return 'a cancel request was sent to it';
  if (!query || query.isUnsendable) return undefined;
  return (error === undefined ? undefined : discardReason(error)) ?? unreadReason(query);
}

function unreadReason({ record, statement }: PipelinedQuery): string | undefined {
  return record ? undefined : unreadStatementReason(statement);
}

function isQuickRead(record: StatementRecord | undefined): boolean {
  return record !== undefined && record.isQuickRead;
}
