import pg from 'pg';
import { PreparedStatements } from '../../dist/database/statements/prepared-statements.js';

/** A connection with `pipeline: true`, and what our queries need on it besides. */
export class PgPipeline {
  names = new PreparedStatements();
  outgoing = [];

  constructor(client, coalesce) {
    this.client = client;
    this.coalesce = coalesce;
  }

  send(flight) {
    this.client.query(new PgQueueQuery(this, flight));
  }

  write(messages) {
    if (!this.coalesce) return this.client.connection._send(Buffer.concat(messages));
    if (this.outgoing.length === 0) setImmediate(() => this.flush());
    this.outgoing.push(...messages);
  }

  flush() {
    this.client.connection._send(Buffer.concat(this.outgoing.splice(0)));
  }
}

/**
 * Our `Flight`, the stamp and the statement under one `Sync`, in node-postgres' own queue instead of
 * `QueryPipeline`. In pipeline mode `Client#query` admits nothing but its own class, so this is a subclass of it.
 */
class PgQueueQuery extends pg.Query {
  constructor(pipeline, flight) {
    super('', undefined, ignored);
    this.pipeline = pipeline;
    this.flight = flight;
  }

  submit() {
    this.pipeline.write(this.flight.messages(this.pipeline.client, this.pipeline.names, true));
    return null;
  }

  handleRowDescription(message) {
    this.flight.handleRowDescription(message);
  }

  handleDataRow(message) {
    this.flight.handleDataRow(message);
  }

  handleCommandComplete(message) {
    this.flight.handleCommandComplete(message);
  }

  handleEmptyQuery() {
    this.flight.handleEmptyQuery();
  }

  handleError(error) {
    if (!(error instanceof pg.DatabaseError)) return this.flight.fail(error);
    this.flight.failure ??= error;
    this.pipeline.client._activeQuery = this; // otherwise it would not be told when its response is complete
  }

  handleReadyForQuery() {
    if (this.flight.resetForRetry(false)) this.pipeline.send(this.flight);
    else this.flight.complete(0, false);
  }
}

function ignored() {}
