import { CodedError } from '../../platform/errors/coded-error.js';
import { ISOLATION_LEVELS, type TypeormOptions } from '../table-migrations/tenant-schema/typeorm-options.js';

/** Raised at startup for options of TypeORM that tenants' data sources cannot honour. */
export class UnsupportedTypeormOptionError extends CodedError {
  readonly code = 'UNSUPPORTED_TYPEORM_OPTION';

  constructor(readonly reasons: readonly string[]) {
    super(`typeorm in TenantryModule.forRoot cannot be used: ${reasons.join('; ')}`);
  }
}

const SUPPORTED: Readonly<Record<keyof TypeormOptions, true>> = {
  namingStrategy: true,
  entityPrefix: true,
  entitySkipConstructor: true,
  typename: true,
  isolationLevel: true,
  invalidWhereValuesBehavior: true,
  relationLoadStrategy: true,
  isolateWhereStatements: true,
  logger: true,
  maxQueryExecutionTime: true,
};

const OF_THE_SCHEMA = 'belongs to TenantryModule.forFeature';
const OF_THE_POOL = 'is set by the connection pools';
const OF_THE_PROCESS = 'would change the whole process, also for other data sources';
const NO_MIGRATIONS = 'tables are changed by the tenant migrations only';

const REASONS: Readonly<Record<string, string>> = {
  entities: OF_THE_SCHEMA,
  migrations: OF_THE_SCHEMA,
  subscribers: OF_THE_SCHEMA,
  schema: "is each tenant's own",
  database: "is each tenant's own",
  extra: OF_THE_POOL,
  poolSize: OF_THE_POOL,
  replication: OF_THE_POOL,
  parseInt8: `${OF_THE_PROCESS}: set pg.defaults.parseInt8 yourself, or use a transformer`,
  useUTC: `${OF_THE_PROCESS}: set PGTZ yourself`,
  cache: 'would hand one tenant what was read for another',
  synchronize: NO_MIGRATIONS,
  dropSchema: NO_MIGRATIONS,
  migrationsRun: NO_MIGRATIONS,
  logging: 'has no effect on a logger of your own: set logger',
};

/** @throws UnsupportedTypeormOptionError listing every option that cannot be honoured, with the reason */
export function refuseUnsupportedOptions(options: TypeormOptions): void {
  const unsupported = Object.entries(options)
    .filter(([name, value]) => value !== undefined && !Object.hasOwn(SUPPORTED, name))
    .map(([name]) => `${name} ${REASONS[name] ?? 'is not supported'}`);
  const reasons = [...unsupported, ...unusableValues(options)];
  if (reasons.length > 0) throw new UnsupportedTypeormOptionError(reasons);
}

function unusableValues({ isolationLevel, logger, maxQueryExecutionTime }: TypeormOptions): string[] {
  const isKnownLevel = isolationLevel === undefined || ISOLATION_LEVELS.includes(isolationLevel);
  return [
    ...(isKnownLevel ? [] : [`isolationLevel must be one of ${ISOLATION_LEVELS.join(', ')}`]),
    ...(logger === undefined || typeof logger === 'object'
      ? []
      : ['logger must be an object with the methods of Logger']),
    ...(maxQueryExecutionTime !== undefined && logger === undefined ? ['maxQueryExecutionTime needs a logger'] : []),
  ];
}
