import type pg from 'pg';
import { currentContext } from '../../platform/context.js';
import { SharedPrismaBatchError } from './tenant-pool.errors.js';

const PRISMA_KEYS = 'name,text,values,rowMode,types';
const TRANSACTION_COMMAND = /^(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET TRANSACTION)\b/;

/** Whether it is a query of `@prisma/adapter-pg` 7, which gives all of them this one form. */
export function isPrismaQuery(query: string | pg.QueryConfig): query is pg.QueryConfig {
  return typeof query === 'object' && 'rowMode' in query && Object.keys(query).join() === PRISMA_KEYS;
}

/**
 * A query of Prisma as it is sent. Prisma names a schema with every table, `public` by default; a tenant's is where its
 * stamp leads, so that the name is left out.
 *
 * @throws SharedPrismaBatchError when it may stand for calls of other tenants
 */
export function toSentQuery(query: pg.QueryConfig): pg.QueryConfig {
  const { text } = query;
  if (!currentContext()?.isPrismaSeparated && !TRANSACTION_COMMAND.test(text)) throw new SharedPrismaBatchError();
  return text.includes(PUBLIC) ? { ...query, text: text.replaceAll(QUOTED, unqualified) } : query;
}

const PUBLIC = '"public".';
/** A string, or a name with the schema in front of it. */
const QUOTED = /'(?:[^']|'')*'|"public"\.(?=")|"(?:[^"]|"")*"/g;

function unqualified(quoted: string): string {
  return quoted === PUBLIC ? '' : quoted;
}
