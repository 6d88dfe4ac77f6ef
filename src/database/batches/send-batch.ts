import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { isGateClosed } from '../gates/closed-gate.js';
import { type Outcome, toFlightStatement } from '../statements/client-flights.js';
import { tracedStatement } from '../statements/database-spans.js';
import { Flight } from '../statements/flight.js';
import { releaseAfter, releaseUnused } from '../statements/flight-release.js';
import type { FlightStatement } from '../statements/flight-statement.js';
import { pipelineOf } from '../statements/query-pipeline.js';
import type { Stamp } from '../statements/stamps/stamp.js';
import type { Statement } from '../statements/statement.js';
import { countRows, currentUsage, type Usage } from '../statements/usage.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import { BatchRolledBackError } from './batch.errors.js';

/** A statement on rows, and who waits for it. */
export interface BatchStatement extends Outcome {
  readonly statement: Statement;
}

/**
 * Runs statements under one stamp in one implicit transaction: one write, one round trip. They are sent again only where the
 * tenant's gate was closed; a connection that was lost does not say whether the server has committed.
 *
 * @throws the errors of `TenantAccess.acquireForStatement`
 */
export async function sendBatch(access: TenantAccess, batch: readonly BatchStatement[]): Promise<void> {
  const usage = currentUsage();
  if (usage) usage.statements += batch.length - 1; // the first one is counted with the connection
  const text = batch.map(({ statement }) => statement.text).join('; ');
  let refusedSince: number | undefined;
  for (let current = access; ;) {
    const connection = current.tryAcquireForStatement(false) ?? (await current.acquireForStatement(false));
    if (connection.revoked) throw releaseUnused(connection, connection.revoked);
    const { stamp, pool } = current;
    const place = { stamp, isShared: pool.target.shared, connection };
    const sentAt = usage && performance.now();
    const refusal = await tracedStatement(connection.client, text, () => send(place, batch, usage));
    if (usage && sentAt !== undefined) usage.databaseMs += performance.now() - sentAt;
    if (refusal === undefined) return;
    current = await current.afterRefusal(refusal, (refusedSince ??= performance.now()));
  }
}

interface BatchPlace {
  readonly stamp: Stamp;
  readonly isShared: boolean;
  readonly connection: PooledConnection;
}

/** @returns the error of a gate that was closed, for which none of the statements has had an effect and none was settled */

function send(
  { stamp, isShared, connection }: BatchPlace,
  batch: readonly BatchStatement[],
  usage: Usage | undefined,
): Promise<unknown> {
  return new Promise((resolve) => {
    const sent = batch.map(({ statement }) => toFlightStatement(statement));
    const flight = new Flight({ stamp }, sent, (failure) => {
      const error = releaseAfter(flight, failure, connection);
      if (isGateClosed(error)) return resolve(error);
      if (usage) for (const { result } of sent) if (result && error === undefined) countRows(usage, result);
      settle(batch, flight, error);
      resolve(undefined);
    });
    pipelineOf(connection.client).send(flight, {
      named: connection.keepsPreparedStatements,
      shared: isShared,
      coalesce: false,
    });
  });
}

/** @param error undefined after a success */
function settle(batch: readonly BatchStatement[], flight: Flight, error: unknown): void {
  const { statements, failure: refusal, executedCount } = flight;
  const isCommitted = error === undefined || statements.some(({ failure }) => failure === error); // a type parser failed here
  const failedIndex = Math.min(executedCount, batch.length - 1); // a commit fails after the last statement
  for (const [index, outcome] of batch.entries()) {
    const { failure, result } = statements[index] as FlightStatement;
    if (!isCommitted)
      outcome.fail(refusal === undefined || index === failedIndex ? error : new BatchRolledBackError(error));
    else if (failure === undefined) outcome.succeed(result as pg.QueryResult);
    else outcome.fail(failure);
  }
}
