import type pg from 'pg';
import { currentTracing } from '../../tracing/tracing.js';
import { isGateClosed } from '../gates/closed-gate.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { tracedStatement } from './database-spans.js';
import { releaseAfter, releaseUnused } from './flight-release.js';
import { Flight, type OnComplete, STALLED } from './flight.js';
import { FlightStatement } from './flight-statement.js';
import { pipelineOf } from './query-pipeline.js';
import { isRead } from '../sql-guard/row-statements.js';
import { neverTookEffect } from './statement-failure.js';
import type { Statement } from './statement.js';
import { countRows, currentUsage } from './usage.js';
import { type StatementRecord, statementRecords, type StatementSpeed } from './statement-records.js';
import type { TenantAccess } from './tenant-access.js';

/** How often a read is sent again because the connection that it shares is held up. */
const MAX_RESENDS = 2;

/** The place of a statement among those of one client. */
export interface Turn {
  /** Called once, when the statement is over and before its caller receives the result. Does not throw. */
  end(): void;
}

/**
 * Runs one statement under its stamp on a connection of the tenant's target and releases the connection. A read that met
 * a dead connection is retried once on another one; a write never is. A shared read behind a slow statement is sent
 * again on another connection, and the first answer counts.
 *
 * With a free connection and tracing off there is a single promise from here to the socket and back: each promise costs
 * more than everything else on this path, because Node 20 tracks every promise for AsyncLocalStorage.
 */
export function runStamped(access: TenantAccess, statement: Statement, turn?: Turn): Promise<pg.QueryResult> {
  const record = statementRecords.get(statement.text);
  const speed = record?.speedAt(access.place);
  const connection = currentTracing() ? undefined : access.tryAcquireForStatement(isQuickRead(record, speed));
  const run: StatementRun = { access, statement, record, speed, turn };
  return connection ? send(run, connection) : acquireAndSend(run);
}

/** One statement on its way through the pool, and the tenant that it runs for. */
interface StatementRun {
  readonly access: TenantAccess;
  readonly statement: Statement;
  readonly record: StatementRecord | undefined;
  /** How long it takes where it runs. */
  readonly speed: StatementSpeed | undefined;
  readonly turn: Turn | undefined;
  /** The first attempt met a dead connection. */
  readonly isRetry?: boolean;
  /** How often it has been sent again because it was held up. */
  readonly resends?: number;
  /** When it first found the tenant's gate closed, in ms of `performance.now()`. */
  readonly refusedSince?: number;
}

/** @param signal ends the wait for a connection of a read that is sent again */
async function acquireAndSend(run: StatementRun, signal?: AbortSignal): Promise<pg.QueryResult> {
  const connection = await acquire(run, signal);
  return tracedStatement(connection.client, run.statement.text, () => send(run, connection));
}

async function acquire(
  { access, record, speed, turn }: StatementRun,
  signal: AbortSignal | undefined,
): Promise<PooledConnection> {
  const isShared = isQuickRead(record, speed);
  try {
    return await (signal ? access.acquireForResent(isShared, signal) : access.acquireForStatement(isShared));
  } catch (error) {
    turn?.end();
    throw error;
  }
}

function send(run: StatementRun, connection: PooledConnection): Promise<pg.QueryResult> {
  const { access, statement, record, speed, turn } = run;
  const { client, isShared } = connection;
  if (connection.revoked) {
    turn?.end();
    return Promise.reject(releaseUnused(connection, connection.revoked));
  }
  const usage = run.resends === undefined ? currentUsage() : undefined; // else the first sending counts it
  const sentAt = usage && performance.now();
  return new Promise((resolve, reject) => {
    const pipeline = pipelineOf(client);
    let resent: ResentRead | undefined;
    const settle = (error: unknown, result?: pg.QueryResult): void => {
      turn?.end();
      if (usage && sentAt !== undefined) {
        usage.databaseMs += performance.now() - sentAt;
        if (result) countRows(usage, result);
      }
      if (error === undefined && result) resolve(result);
      else reject(error);
    };
    const sent = new FlightStatement(statement, record, speed);
    const onComplete: OnComplete = (failure) => {
      if (failure === STALLED) {
        resent = resend(run, settle);
        return;
      }
      const error = releaseAfter(flight, failure, connection);
      const { result } = sent;
      if (resent && error === undefined && result) resent.firstAnswered(result);
      else if (resent) resent.firstFailed(error);
      else if (isGateClosed(error)) resolve(sendAfterMove(run, error));
      else if (error !== undefined && mayRetry(run) && neverTookEffect(error, flight.hasExecuted)) resolve(retry(run));
      else settle(error, result);
    };
    const flight = new Flight({ stamp: access.stamp }, [sent], onComplete);
    connection.onRevoked?.((reason) => {
      reject(reason);
      pipeline.abandon(flight);
    });
    pipeline.send(flight, {
      named: connection.keepsPreparedStatements,
      shared: access.pool.target.shared,
      coalesce: isShared,
      resendable: isShared,
    });
  });
}

function mayRetry({ statement, record, isRetry }: StatementRun): boolean {
  return !isRetry && (record?.isRead ?? isRead(statement.text));
}

/** @returns undefined when it may not be sent again */
function resend(run: StatementRun, settle: Settle): ResentRead | undefined {
  const { resends = 0, record } = run;
  if (resends >= MAX_RESENDS || !record?.isRepeatable) return undefined;
  const stop = new AbortController();
  const answer = acquireAndSend({ ...run, resends: resends + 1, turn: undefined }, stop.signal);
  return new ResentRead(answer, stop, settle);
}

/** It had no effect where it was sent: the tenant's rows have moved, or are about to. */
async function sendAfterMove(run: StatementRun, refusal: unknown): Promise<pg.QueryResult> {
  const refusedSince = run.refusedSince ?? performance.now();
  let access: TenantAccess;
  try {
    access = await run.access.afterRefusal(refusal, refusedSince);
  } catch (error) {
    run.turn?.end();
    throw error;
  }
  return acquireAndSend({ ...run, access, refusedSince }); // ends the turn in any case
}

function retry(run: StatementRun): Promise<pg.QueryResult> {
  return acquireAndSend({ ...run, isRetry: true });
}

/** Whether others may wait behind it on a shared connection: it only reads, and is fast where it runs. */
function isQuickRead(record: StatementRecord | undefined, speed: StatementSpeed | undefined): boolean {
  return record !== undefined && speed !== undefined && record.isRead && speed.isQuick;
}

/** Passes the outcome of a statement to its caller; without a result it is the error. */
type Settle = (error: unknown, result?: pg.QueryResult) => void;

/** A read under way a second time while its first sending is held up: the first answer counts, and an error only if both fail. */
class ResentRead {
  private isSettled = false;

  /**
   * @param answer of the second sending
   * @param stop ends its wait for a connection
   */
  constructor(
    private readonly answer: Promise<pg.QueryResult>,
    private readonly stop: AbortController,
    private readonly settle: Settle,
  ) {
    answer.then(
      (result) => this.settleOnce(undefined, result),
      () => undefined, // the first sending may still be answered
    );
  }

  /** The first sending was answered. */
  firstAnswered(result: pg.QueryResult): void {
    this.settleOnce(undefined, result);
    this.stop.abort();
  }

  /** The first sending failed: its error counts if the second one fails as well. */
  firstFailed(reason: unknown): void {
    this.answer.catch(() => this.settleOnce(reason));
  }

  private settleOnce(error: unknown, result?: pg.QueryResult): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.settle(error, result);
  }
}
