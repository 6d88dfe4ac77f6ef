import { CodedError } from '../platform/errors/coded-error.js';

/** Raised at startup when an entity or a migration would be in the tables of tenants and in the central ones, or relates across. */
export class MixedTablesError extends CodedError {
  readonly code = 'MIXED_TABLES';

  constructor(readonly reasons: readonly string[]) {
    super(`central tables and those of tenants have nothing in common: ${reasons.join('; ')}`);
  }
}

/** Raised when a central repository, its manager or its query builder is given an entity of tenants. */
export class TenantEntityError extends CodedError {
  readonly code = 'TENANT_ENTITY';

  constructor(readonly entity: string) {
    super(
      `${entity} is an entity of tenants, which central tables do not have: use @InjectTenantRepository(${entity}), ` +
        "or the manager of TenantConnectionService's transaction",
    );
  }
}

/** Raised at start when the central tables cannot be in the schema of CENTRAL_SCHEMA. */
export class CentralSchemaError extends CodedError {
  readonly code = 'CENTRAL_SCHEMA_INVALID';

  constructor(schema: string) {
    super(`CENTRAL_SCHEMA is "${schema}", which has the tables of the catalog: set it to another name`);
  }
}
