import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../pool/discard.js';
import { openTransaction, untilReady } from './readiness.js';
import { STAMP_STATEMENT, type Stamp } from './stamp.js';
import { extended, type Statement } from './statement.js';
import { type ProtocolWriter, WireQuery } from './wire.js';

/**
 * One statement and its stamp in one flight:
 * `Parse/Bind/Execute(stamp) Parse/Bind/Describe/Execute(statement) Sync`.
 *
 * PostgreSQL runs everything before `Sync` as one implicit transaction
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): the transaction-local stamp
 * holds for this statement only, and when the stamp fails the statement is skipped.
 */
export class StampedQuery extends WireQuery {
  private stamped = false;

  constructor(
    private readonly stamp: Stamp,
    statement: Statement,
  ) {
    super(extended(statement));
  }

  override prepare(writer: ProtocolWriter): void {
    writer.parse({ text: STAMP_STATEMENT });
    writer.bind({ values: [this.stamp.tenantId, this.stamp.searchPath] });
    writer.execute({});
    super.prepare(writer);
  }

  override handleDataRow(message: unknown): void {
    if (this.stamped) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, writer: ProtocolWriter): void {
    if (this.stamped) super.handleCommandComplete(message, writer);
    else this.stamped = true;
  }
}

/** Runs one statement under its stamp on a borrowed connection and gives the connection back. */
export async function runStamped(
  connection: PooledConnection,
  stamp: Stamp,
  statement: Statement,
): Promise<pg.QueryResult> {
  const { client } = connection;
  try {
    const result = await send(client, new StampedQuery(stamp, statement));
    connection.release(openTransaction(client));
    return result;
  } catch (error) {
    connection.release(discardReason(error) ?? (await untilReady(client)) ?? openTransaction(client));
    throw error;
  }
}

function send(client: pg.ClientBase, query: StampedQuery): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    query.callback = (error, answer) => (error ? reject(error) : resolve(answer as pg.QueryResult));
    client.query(query as unknown as pg.Submittable);
  });
}
