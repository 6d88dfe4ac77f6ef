import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Holder } from './api-keys.js';
import { ENTITIES } from './entities.js';

export interface IdentifiedRequest {
  readonly holder: Holder;
}

/** The only difference between the programs: which data source a request uses, and how long it lives. */
export abstract class Sources {
  abstract use<Result>(holder: Holder, work: (source: DataSource) => Promise<Result>): Promise<Result>;

  abstract close(): Promise<void>;
}

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** Options for the server of `DATABASE_URL`, and for its database unless `database` is given. */
export function sourceOptions(poolSize: number, database?: string): PostgresOptions {
  const url = new URL(process.env['DATABASE_URL']!);
  return {
    type: 'postgres',
    host: url.hostname,
    port: Number(url.port),
    username: url.username,
    password: decodeURIComponent(url.password),
    database: database ?? url.pathname.slice(1),
    poolSize,
    entities: ENTITIES,
  };
}
