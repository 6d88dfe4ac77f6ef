import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Holder } from './api-keys.js';
import { ENTITIES } from './entities.js';

export interface IdentifiedRequest {
  readonly holder: Holder;
}

/** All that tells the programs apart: which data source a request works with, and how long it lives. */
export abstract class Sources {
  abstract use<Result>(holder: Holder, work: (source: DataSource) => Promise<Result>): Promise<Result>;

  abstract close(): Promise<void>;
}

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** On the server of `DATABASE_URL`, and on its database unless another is named. */
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
