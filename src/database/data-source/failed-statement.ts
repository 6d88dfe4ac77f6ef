import type { EntityMetadata } from 'typeorm';
import { driverError } from '../../platform/postgres/driver-error.js';
import { toCodedError } from '../statements/statement-failure.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import { toRefusedWrite } from './refused-write.js';
import type { ConstraintMessages } from '../table-migrations/tenant-schema/tenant-schema.js';

/** What a tenant's data source knows of the tables that its statements are about. */
export interface StatementSource {
  readonly tenantId: string;
  readonly access: TenantAccess;
  readonly constraints: ConstraintMessages;
  readonly entityMetadatas: readonly EntityMetadata[];
}

/** A statement of a tenant that PostgreSQL has rejected, or that was interrupted. */
export interface FailedStatement {
  /** As it was sent, with `$n` in place of parameters. */
  readonly text: string;
  readonly source: StatementSource;
}

/** On errors of the driver. Another copy of this package may read it. */
const FAILED_STATEMENT = Symbol.for('tenantry/failed-statement');

/** Not enumerable: TypeORM copies the properties of the driver's errors, and loggers print them. */
export function noteFailedStatement(error: object, failed: FailedStatement): void {
  if (Object.isExtensible(error)) Object.defineProperty(error, FAILED_STATEMENT, { value: failed, configurable: true });
}

/** Undefined for errors that have nothing to do with a statement of a tenant. */
export function failedStatementOf(error: unknown): FailedStatement | undefined {
  const failed = driverError(error) as { readonly [FAILED_STATEMENT]?: FailedStatement } | null | undefined;
  return typeof failed === 'object' ? failed?.[FAILED_STATEMENT] : undefined;
}

/**
 * What the statement rejects with outside TypeORM, as the broadcaster has it within: an error with a code where it says
 * something to the caller, the driver's error, noted, otherwise.
 */
export function failureOf(error: unknown, failed: FailedStatement): unknown {
  if (typeof error === 'object' && error !== null) noteFailedStatement(error, failed);
  return toCodedError(error) ?? toRefusedWrite(error, failed) ?? error;
}
