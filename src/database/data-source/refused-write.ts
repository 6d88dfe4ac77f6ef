import pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';

/** PostgreSQL's `insufficient_privilege`. A policy that refuses a row has the same code, and another routine. */
const INSUFFICIENT_PRIVILEGE = '42501';
const PRIVILEGE_CHECK = 'aclcheck_error';

const NAME = String.raw`(?:"(?:[^"]|"")+"|[\w$]+)`;
const WRITE = new RegExp(
  String.raw`^\s*(?:INSERT\s+INTO|(?:UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?)(?:\s+ONLY)?)\s+(?:${NAME}\s*\.\s*)?(${NAME})`,
  'i',
);

/** Raised when a tenant's statement writes to a table that tenants may only read, such as a reference table. */
export class ReadOnlyTableError extends CodedError {
  readonly code = 'TABLE_READ_ONLY';

  constructor(
    readonly table: string,
    cause: unknown,
  ) {
    const how = 'rows of a reference table change by a migration or ReferenceData.publish()';
    super(`tenants have no right to write to the table ${table}: ${how}`, { cause });
  }
}

/** Undefined for every other error. */
export function toRefusedWrite(error: unknown, { text }: { readonly text: string }): ReadOnlyTableError | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  if (error.code !== INSUFFICIENT_PRIVILEGE || error.routine !== PRIVILEGE_CHECK) return undefined;
  const name = WRITE.exec(text)?.[1];
  const table = name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name?.toLowerCase();
  // A statement may write to one table and read from another that is not granted: the message names the latter.
  return table !== undefined && error.message.includes(table) ? new ReadOnlyTableError(table, error) : undefined;
}
