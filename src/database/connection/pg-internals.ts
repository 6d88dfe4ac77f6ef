import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { serialize } from 'pg-protocol';

/**
 * All that is used of node-postgres 8.23 and not declared by `@types/pg`; no other file touches its private parts
 * (pg/lib/client.js, connection.js, query.js, result.js; pg-cursor/index.js; pg-protocol).
 */

/** A client's private state. */
export interface ClientInternals {
  /** Read when the client connects. */
  host: string;
  port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  /** False from sending a statement until the server reports that it is ready for the next one. */
  readyForQuery: boolean;
  _activeQuery: ActiveQuery | null;
  _ending: boolean;
  readonly _connected: boolean;
  readonly _ended: boolean;
  readonly _queryable: boolean;
  readonly _types: pg.CustomTypesConfig;
  readonly _queryQueue: ActiveQuery[];
  readonly connectionParameters: { readonly query_timeout?: number | string | false | undefined };
  readonly connection: PgConnection;
  _pulseQueryQueue(): void;
}

/** The protocol's side of a client. It emits the server's messages by name. */
export interface PgConnection extends EventEmitter {
  readonly stream: Socket;
  readonly ssl: pg.ClientConfig['ssl'];
  /** Names of statements that were prepared through `Client#query`. */
  readonly parsedStatements: Readonly<Record<string, string>>;
  _send(message: Buffer): boolean;
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
  sendCopyFail(reason: string): void;
  sync(): void;
  flush(): void;
  /** Sends Terminate. */
  end(): void;
}

/** The methods that a client calls on its active query. */
export interface ActiveQuery {
  submit(connection: PgConnection): Error | null;
  handleRowDescription(message: RowDescription): void;
  handleDataRow(message: DataRow): void;
  handleCommandComplete(message: CommandComplete, connection: PgConnection): void;
  handleEmptyQuery(connection: PgConnection): void;
  handlePortalSuspended(connection: PgConnection): void;
  handleCopyInResponse(connection: PgConnection): void;
  handleCopyData(): void;
  handleReadyForQuery(connection: PgConnection): void;
  handleError(error: Error): void;
}

export interface RowDescription {
  readonly fields: pg.FieldDef[];
}

export interface DataRow {
  readonly fields: readonly (string | null)[];
}

export interface CommandComplete {
  readonly text: string;
}

/** A setting that the server reports unprompted. */
export interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A result, with what is known of its columns. */
export interface ResultInternals extends pg.QueryResult {
  _types: pg.CustomTypesConfig | undefined;
  /** One per column. */
  _parsers: readonly unknown[] | undefined;
  _prebuiltEmptyResultObject: unknown;
  addFields(fields: pg.FieldDef[]): void;
  addCommandComplete(message: CommandComplete): void;
  parseRow(values: DataRow['fields']): pg.QueryResultRow;
}

/** A query object that a caller has made: a `Query`, a cursor, or a stream, which wraps a cursor. */
export interface SubmittableInternals extends Partial<Omit<ActiveQuery, 'handleError'>> {
  readonly cursor?: CursorInternals;
  readonly destroyed?: boolean;
  text?: unknown;
  name?: string | undefined;
  queryMode?: string | undefined;
  callback?: ((error?: unknown, result?: unknown) => void) | undefined;
  _result?: ResultInternals;
  readonly listenerCount?: (event: string) => number;
  destroy?(error: unknown): void;
  handleError?(error: unknown, connection?: PgConnection): void;
}

export interface CursorInternals extends SubmittableInternals {
  state: string;
  /** The reads that wait until the portal is open. */
  readonly _queue: readonly unknown[];
  /** The callback of its pending `read`. */
  _cb: ((error: Error) => void) | null;
  _shiftQueue(): void;
  close(done?: (error: Error | null) => void): Promise<void> | undefined;
}

export const PgResult = pg.Result as unknown as new (
  rowMode: string | undefined,
  types: pg.CustomTypesConfig | undefined,
) => ResultInternals;

export const PgConnection = pg.Connection as unknown as new (config: {
  readonly ssl: pg.ClientConfig['ssl'];
}) => PgConnection;

export function internalsOf(client: pg.ClientBase): ClientInternals {
  return client as unknown as ClientInternals;
}

export function submittableOf(submittable: pg.Submittable): SubmittableInternals {
  return submittable as unknown as SubmittableInternals;
}

/** Undefined for a `Query`, which reads on by itself. */
export function cursorOf(submittable: SubmittableInternals): CursorInternals | undefined {
  return submittable.cursor ?? ('close' in submittable ? (submittable as CursorInternals) : undefined);
}

/** Whether a statement is running. A cursor or stream that waits for its reader is not one. */
export function isServerWorking(client: pg.ClientBase): boolean {
  const { readyForQuery, _activeQuery: query } = internalsOf(client);
  const { state, cursor } = (query ?? {}) as { readonly state?: unknown; readonly cursor?: CursorInternals };
  return !readyForQuery && (cursor ? cursor.state : state) !== 'idle';
}

/** Bytes exchanged with the server so far: between two equal readings nothing was sent or received. */
export function trafficOf(client: pg.ClientBase): number {
  const { bytesRead, bytesWritten } = internalsOf(client).connection.stream;
  return bytesRead + bytesWritten;
}

const { prepareValue } = (pg as unknown as { readonly utils: { readonly prepareValue: (value: unknown) => unknown } })
  .utils;

/** Messages of the extended query protocol. Without a name they use the unnamed statement. */
export const protocol = {
  parse: (text: string, name = ''): Buffer => serialize.parse({ text, name }),
  /** @throws whatever converting a value to a parameter throws */
  bind: (values: readonly unknown[], statement = ''): Buffer =>
    serialize.bind({ statement, values: values as unknown[], valueMapper: prepareValue }),
  close: (name: string): Buffer => serialize.close({ type: 'S', name }),
  describe: serialize.describe({ type: 'P' }),
  execute: serialize.execute(),
  sync: serialize.sync(),
};
