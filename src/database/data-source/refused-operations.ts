import type { DataSource } from 'typeorm';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a call on a tenant's data source that would affect more than this one tenant. */
export class RefusedOperationError extends CodedError {
  readonly code = 'REFUSED_OPERATION';

  constructor(
    readonly operation: string,
    readonly reason: string,
  ) {
    super(`${operation} is refused on a tenant's data source: ${reason}`);
  }
}

const CLOSED_AT_SHUTDOWN = 'its connections are shared with other tenants; they are closed at shutdown';
const CONNECTED = 'it is always connected';
const MIGRATIONS =
  'tables are changed by the tenant migrations, which run for the whole fleet with the necessary privileges';

const DATA_SOURCE_METHODS: Readonly<Record<string, string>> = {
  initialize: CONNECTED,
  destroy: CLOSED_AT_SHUTDOWN,
  setOptions: 'its options are shared by all tenants',
  synchronize: MIGRATIONS,
  dropDatabase: MIGRATIONS,
  runMigrations: MIGRATIONS,
  undoLastMigration: MIGRATIONS,
  showMigrations: MIGRATIONS,
};

/** The driver methods behind those above; `connect` would open connections without a stamp. */
const DRIVER_METHODS: Readonly<Record<string, string>> = {
  connect: CONNECTED,
  afterConnect: CONNECTED,
  disconnect: CLOSED_AT_SHUTDOWN,
  createSchemaBuilder: MIGRATIONS,
};

const SYNCHRONOUS_METHODS: ReadonlySet<string> = new Set(['setOptions', 'createSchemaBuilder']);

/** Overrides these methods on the template, from which every tenant's data source and driver inherit. */
export function refuseOperations(template: DataSource): void {
  refuseMethods(template, DATA_SOURCE_METHODS, '');
  refuseMethods(template.driver, DRIVER_METHODS, 'driver.');
}

function refuseMethods(target: object, methods: Readonly<Record<string, string>>, path: string): void {
  for (const [name, reason] of Object.entries(methods)) {
    const refuse = (): never => {
      throw new RefusedOperationError(`${path}${name}()`, reason);
    };
    Object.defineProperty(target, name, { value: SYNCHRONOUS_METHODS.has(name) ? refuse : async () => refuse() });
  }
}
