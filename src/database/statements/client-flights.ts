import pg from 'pg';
import { Flight, type Prelude } from './flight.js';
import { FlightStatement } from './flight-statement.js';
import { pipelineOf, type SendOptions } from './query-pipeline.js';
import type { Statement } from './statement.js';
import { statementRecords } from './statement-records.js';

const BY_TEXT: SendOptions = { named: false, shared: true, coalesce: false };
const ABORTED = 'current transaction is aborted, commands ignored until end of transaction block';

/**
 * Sends one statement on a client that the caller holds and keeps, always over the extended protocol, so that the server
 * rejects a text with two commands. Without a prelude it runs in the transaction or session that is open there.
 */
export function sendOnClient(
  client: pg.ClientBase,
  prelude: Prelude,
  statement: Statement,
  options = BY_TEXT,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const sent = toFlightStatement(statement);
    const flight = new Flight(prelude, [sent], (error) => {
      if (error === undefined && sent.result) resolve(sent.result);
      else reject(error);
    });
    pipelineOf(client).send(flight, options);
  });
}

/** Receives the result or the error of a statement that is sent together with others. */
export interface Outcome {
  succeed(result: pg.QueryResult): void;
  fail(error: unknown): void;
}

/**
 * Sends statements of one transaction together. Those behind one that failed are skipped, and fail as they would have if
 * they had been sent after it.
 *
 * @param outcomes one for each statement
 * @returns resolves when all outcomes are known
 */
export function sendTogether(
  client: pg.ClientBase,
  prelude: Prelude,
  statements: readonly Statement[],
  outcomes: readonly Outcome[],
  options: SendOptions,
): Promise<void> {
  return new Promise((resolve) => {
    const sent = statements.map(toFlightStatement);
    const flight = new Flight(prelude, sent, (error) => {
      for (const [index, { failure, result }] of sent.entries()) {
        const outcome = outcomes[index] as Outcome;
        if (failure !== undefined) outcome.fail(failure);
        else if (index < flight.executedCount && result) outcome.succeed(result);
        else outcome.fail(index > flight.executedCount ? skippedBy(error) : error);
      }
      resolve();
    });
    pipelineOf(client).send(flight, options);
  });
}

/** As one of a flight, with what is on record about its text. */
export function toFlightStatement(statement: Statement): FlightStatement {
  return new FlightStatement(statement, statementRecords.get(statement.text));
}

/** The error of a statement that the server skipped because one before it had failed; a lost connection fails it as well. */
function skippedBy(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.severity !== 'ERROR') return error;
  return Object.assign(new pg.DatabaseError(ABORTED, ABORTED.length, 'error'), { severity: 'ERROR', code: '25P02' });
}
