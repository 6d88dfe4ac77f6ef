import type { DataSource } from 'typeorm';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a tenant's data source is asked for what would reach beyond this one tenant. */
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
const CONNECTED = 'it is connected for as long as it exists';
const MIGRATIONS = 'tables are changed by the tenant migrations, for the whole fleet and with the rights for it';

const DATA_SOURCE_METHODS: Readonly<Record<string, string>> = {
  initialize: CONNECTED,
  destroy: CLOSED_AT_SHUTDOWN,
  setOptions: 'its options are those of every tenant',
  synchronize: MIGRATIONS,
  dropDatabase: MIGRATIONS,
  runMigrations: MIGRATIONS,
  undoLastMigration: MIGRATIONS,
  showMigrations: MIGRATIONS,
};

/** The doors behind the ones above; `connect` would open connections that carry no stamp. */
const DRIVER_METHODS: Readonly<Record<string, string>> = {
  connect: CONNECTED,
  afterConnect: CONNECTED,
  disconnect: CLOSED_AT_SHUTDOWN,
  createSchemaBuilder: MIGRATIONS,
};

const SYNCHRONOUS_METHODS: ReadonlySet<string> = new Set(['setOptions', 'createSchemaBuilder']);

/** Puts the refusals on the template, from which every tenant's data source and driver inherit them. */
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
