import type { SessionResult } from '../../database/transactions/session-lease.js';

/**
 * The types of node-postgres' methods without its own, which a host need not have installed. The last signature of each
 * takes whatever node-postgres takes, so that `TenantPool` can be given to everything that asks for a `pg.Pool`.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- node-postgres' overloads end in it
type NodePostgresCall = (...args: any[]) => any;

type TextOrConfig = string | { readonly text: string; readonly values?: readonly unknown[] };
type ResultCallback<Row> = (error: Error | undefined, result: SessionResult<Row>) => void;
type DefaultRow = Record<string, unknown>;

/** A cursor, a stream or a `Query` of node-postgres. */
interface Submittable {
  submit(connection: never): unknown;
}

/** `query` of a pool or client: a text or config with its values, with or without a callback, or a cursor or stream. */
export type PoolQuery = {
  <Submitted extends Submittable>(submitted: Submitted): Submitted;
  <Row extends object = DefaultRow>(query: TextOrConfig, values?: readonly unknown[]): Promise<SessionResult<Row>>;
  <Row extends object = DefaultRow>(query: TextOrConfig, callback: ResultCallback<Row>): void;
  <Row extends object = DefaultRow>(
    query: TextOrConfig,
    values: readonly unknown[],
    callback: ResultCallback<Row>,
  ): void;
} & NodePostgresCall;

export type ConnectCallback<Client> = (
  error: Error | undefined,
  client: Client | undefined,
  done: (error?: Error | boolean) => void,
) => void;

/** `connect` of a pool, with or without a callback. */
export type PoolConnect<Client> = {
  (): Promise<Client>;
  (callback: ConnectCallback<Client>): void;
} & NodePostgresCall;

/** `end` of a pool, with or without a callback. */
export type PoolEnd = { (): Promise<void> } & NodePostgresCall;

/** `options` of a pool. None leads to a server. */
export interface PoolSettings {
  readonly max: number;
  readonly min: number;
  readonly maxUses: number;
  readonly maxLifetimeSeconds: number;
  readonly allowExitOnIdle: boolean;
  readonly idleTimeoutMillis: number;
}
