import type { DataSourceOptions, Logger, NamingStrategyInterface } from 'typeorm';

/** The isolation levels of PostgreSQL. */
export const ISOLATION_LEVELS = ['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const;

export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

/**
 * The options of TypeORM's `DataSource` that an application may set for its tenants' data sources. All of these share one
 * metadata graph and their connections with other tenants, so there is no place for options that change either.
 */
export interface TypeormOptions {
  /** Names of tables, columns and constraints, in the entities and in migrations that call `queryRunner.createTable()`. */
  readonly namingStrategy?: NamingStrategyInterface;
  /** In front of every table's name. */
  readonly entityPrefix?: string;
  /** Creates entities without calling their constructors. */
  readonly entitySkipConstructor?: boolean;
  /** Name of a property that every loaded entity gets, with the name of its class. */
  readonly typename?: string;
  /** The isolation level of transactions that do not name one. Default: the server's. */
  readonly isolationLevel?: IsolationLevel;
  /** What `null` and `undefined` mean in `where`. TypeORM's default differs: 0.3 ignores them, 1.x throws. */
  readonly invalidWhereValuesBehavior?: NonNullable<DataSourceOptions['invalidWhereValuesBehavior']>;
  /** Whether relations are loaded with joins or with queries of their own. Default: `join`. */
  readonly relationLoadStrategy?: 'join' | 'query';
  /** Puts each `andWhere()` and `orWhere()` of a query builder in parentheses. */
  readonly isolateWhereStatements?: boolean;
  /** Receives every statement with its parameters, which are tenants' data. Default: none. */
  readonly logger?: Logger;
  /** Statements that take longer, in ms, are reported to `logger.logQuerySlow`. */
  readonly maxQueryExecutionTime?: number;
}
