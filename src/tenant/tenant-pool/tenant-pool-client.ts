import { EventEmitter } from 'node:events';
import pg from 'pg';
import { failureOf, type StatementSource } from '../../database/data-source/failed-statement.js';
import { isSubmittable, type QueryInput, StampedClient } from '../../database/transactions/stamped-client.js';
import type { PoolQuery } from './pool-types.js';
import { isPrismaQuery, toSentQuery } from './prisma-query.js';
import { callbackOf, deliver, type QueryCallback } from './query-callback.js';

/** Why a released client is not fit for further use. */
export type ReleaseReason = Error | boolean | undefined;

/**
 * What `pg.PoolClient` is, for the tenant that it was taken for. It holds a connection during a transaction, a cursor or a
 * stream only. Its `error` is never emitted: a statement that fails rejects.
 */
export class TenantPoolClient extends EventEmitter {
  /** @throws WrongTenantError in the context of another tenant, and what TypeORM's statements of the tenant throw */
  readonly query = this.send.bind(this) as PoolQuery;
  /** As node-postgres' own. */
  readonly escapeIdentifier: (name: string) => string = pg.escapeIdentifier;
  /** As node-postgres' own. */
  readonly escapeLiteral: (text: string) => string = pg.escapeLiteral;
  private readonly client: StampedClient;
  private isReleased = false;

  /** @internal */
  constructor(
    private readonly source: StatementSource,
    private readonly onRelease?: (client: TenantPoolClient, error: ReleaseReason) => void,
  ) {
    super();
    this.client = new StampedClient(source.access);
  }

  /**
   * Ends the client; a transaction that is still open is rolled back.
   *
   * @param error why the client is not fit for further use. Here none is used again.
   * @throws Error as pg-pool does when it has been released already
   */
  release(error?: ReleaseReason): void {
    if (this.isReleased) throw new Error('Release called on client which has already been released to the pool.');
    this.isReleased = true;
    this.client.release();
    this.onRelease?.(this, error);
  }

  private send(input: QueryInput, values?: readonly unknown[] | QueryCallback, callback?: QueryCallback): unknown {
    const onResult = callbackOf(input, values, callback);
    if (isSubmittable(input)) return (this.client as Submitting).query(input, onResult);
    return deliver(this.run(input, typeof values === 'function' ? undefined : values), onResult);
  }

  private async run(input: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return await this.client.query(isPrismaQuery(input) ? toSentQuery(input) : withoutCallback(input), values);
    } catch (error) {
      throw failureOf(error, { text: typeof input === 'string' ? input : input.text, source: this.source });
    }
  }
}

interface Submitting {
  query(submittable: pg.Submittable, callback: QueryCallback | undefined): unknown;
}

function withoutCallback(input: string | pg.QueryConfig): string | pg.QueryConfig {
  return typeof input === 'string' || !('callback' in input)
    ? input
    : ({ ...input, callback: undefined } as pg.QueryConfig);
}
