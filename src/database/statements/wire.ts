import pg from 'pg';

/**
 * The only place that uses untyped internals of node-postgres 8.23: a client's queue, the message handlers that its active
 * query must have, the columns of its results, and the message serialiser (pg/lib/client.js, connection.js, result.js,
 * query.js).
 */
export interface WireClient {
  /** False from sending a statement until the server reports that it is ready for the next one. */
  readyForQuery: boolean;
  _activeQuery: ActiveQuery | null;
  readonly _queryable: boolean;
  readonly _ending: boolean;
  readonly _types: pg.CustomTypesConfig;
  readonly _queryQueue: ActiveQuery[];
  readonly connectionParameters: { readonly query_timeout?: number | string | false | undefined };
  readonly connection: WireConnection;
  _pulseQueryQueue(): void;
}

export interface WireConnection {
  _send(message: Buffer): unknown;
  sendCopyFail(reason: string): void;
  sync(): void;
  flush(): void;
}

/** The methods that a client calls on its active query. */
export interface ActiveQuery {
  submit(connection: WireConnection): Error | null;
  handleRowDescription(message: RowDescription): void;
  handleDataRow(message: DataRow): void;
  handleCommandComplete(message: CommandComplete, connection: WireConnection): void;
  handleEmptyQuery(connection: WireConnection): void;
  handlePortalSuspended(connection: WireConnection): void;
  handleCopyInResponse(connection: WireConnection): void;
  handleCopyData(): void;
  handleReadyForQuery(connection: WireConnection): void;
  handleError(error: Error): void;
}

/** The same methods of a query object that a caller has made: a cursor, a stream, a `Query`. */
export interface WireSubmittable extends Omit<ActiveQuery, 'handleError'> {
  handleError(error: unknown, connection?: WireConnection): void;
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

/** node-postgres' result, with its internal column information. */
export interface WireResult extends pg.QueryResult {
  _types: pg.CustomTypesConfig | undefined;
  /** One per column. */
  _parsers: readonly unknown[] | undefined;
  _prebuiltEmptyResultObject: unknown;
  addFields(fields: pg.FieldDef[]): void;
  addCommandComplete(message: CommandComplete): void;
  parseRow(values: DataRow['fields']): pg.QueryResultRow;
}

export const WireResult = pg.Result as unknown as new (
  rowMode: string | undefined,
  types: pg.CustomTypesConfig | undefined,
) => WireResult;

export function wireClient(client: pg.ClientBase): WireClient {
  return client as unknown as WireClient;
}

export function isReady(client: pg.ClientBase): boolean {
  return wireClient(client).readyForQuery;
}

interface Serialiser {
  parse(message: { readonly text: string; readonly name?: string }): void;
  bind(message: {
    readonly statement?: string;
    readonly values: readonly unknown[];
    readonly valueMapper?: (value: unknown) => unknown;
  }): void;
  describe(message: { readonly type: 'P' }): void;
  execute(message: Record<string, never>): void;
  close(message: { readonly type: 'S'; readonly name: string }): void;
  sync(): void;
}

/** A node-postgres connection that records its messages instead of sending them: pg exports its serialiser no other way. */
const recorded: Buffer[] = [];
const serialiser: Serialiser = Object.assign(
  Object.create((pg.Connection as unknown as { readonly prototype: object }).prototype) as object,
  { _send: (message: Buffer) => recorded.push(message) },
) as unknown as Serialiser;

const { prepareValue } = (pg as unknown as { readonly utils: { readonly prepareValue: (value: unknown) => unknown } })
  .utils;

function record(write: () => void): Buffer[] {
  recorded.length = 0;
  write();
  return recorded.splice(0);
}

function message(write: () => void): Buffer {
  return Buffer.concat(record(write));
}

/** Messages of the extended query protocol. Without a name they use the unnamed statement. */
export const wire = {
  parse: (text: string, name?: string): Buffer => message(() => serialiser.parse({ text, ...(name && { name }) })),
  close: (name: string): Buffer => message(() => serialiser.close({ type: 'S', name })),
  describe: message(() => serialiser.describe({ type: 'P' })),
  execute: message(() => serialiser.execute({})),
  sync: message(() => serialiser.sync()),
  /** @throws whatever converting a value to a parameter throws */
  bind(values: readonly unknown[], statement = ''): Buffer {
    recorded.length = 0;
    serialiser.bind({ statement, values, valueMapper: prepareValue });
    return recorded.pop() as Buffer;
  },
};
