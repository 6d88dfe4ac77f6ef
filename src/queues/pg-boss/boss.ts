/** A job of pg-boss, as a worker with `includeMetadata` receives it. */
export interface PgBossJob<Data = unknown> {
  readonly id: string;
  readonly name: string;
  readonly data: Data;
  readonly priority?: number;
  readonly retryCount?: number;
  readonly retryLimit?: number;
  readonly retryDelay?: number;
  readonly retryBackoff?: boolean;
  /** Version 10 has the text of a numeric. */
  readonly expireInSeconds?: number | string;
  readonly singletonKey?: string | null;
  readonly deadLetter?: string | null;
}

/** What is used of `PgBoss`: the same in its versions 10, 11 and 12. */
export interface PgBossLike {
  /** pg-boss's own. */
  send(name: string, data: object, options: object): Promise<string | null>;
  /** pg-boss's own. */
  work(name: string, options: object, handler: (jobs: never[]) => Promise<unknown>): Promise<string>;
  /** pg-boss's own. */
  complete(name: string, id: string, data?: object): Promise<unknown>;
  /** pg-boss's own. */
  getJobById(name: string, id: string): Promise<unknown>;
}
