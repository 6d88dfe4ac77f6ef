import type { DataSource } from 'typeorm';
import { type KeyRing, DecryptionError } from '../platform/encryption/key-ring.js';
import { identityContext } from './entities/archive-key.entity.js';
import { stampKeyContext, targetPasswordContext } from './entities/connection-target.entity.js';
import { answerContext } from './entities/idempotency-key.entity.js';
import { ownerPasswordContext } from './server-owner.js';

/** A catalog column with encrypted values. The names are inserted into SQL unquoted. */
export interface EncryptedColumn {
  readonly table: string;
  /** Unique and immutable; of any type with an order. */
  readonly idColumn: string;
  readonly column: string;
  /** The encryption context (associated data) of a row's value. */
  readonly context: (id: string) => string;
}

/** Every column with encrypted values: one that is missing here becomes unreadable once its key is retired. */
export const ENCRYPTED_COLUMNS: readonly EncryptedColumn[] = [
  { table: 'connection_targets', idColumn: 'id', column: 'password_sealed', context: targetPasswordContext },
  { table: 'connection_targets', idColumn: 'id', column: 'stamp_key_sealed', context: stampKeyContext },
  { table: 'servers', idColumn: 'id', column: 'owner_password_sealed', context: ownerPasswordContext },
  { table: 'idempotency_keys', idColumn: 'key', column: 'answer_sealed', context: answerContext },
  { table: 'archive_keys', idColumn: 'tenant_id', column: 'identity_sealed', context: identityContext },
];

export interface ReEncryptionResult {
  /** Number of values that were re-encrypted with the first key. */
  readonly reEncrypted: number;
  /** Contexts of values that no key of the ring decrypts; left unchanged. */
  readonly broken: readonly string[];
}

export interface ReEncryptionOptions {
  /** Checked between rows. */
  readonly signal?: AbortSignal;
  /** Called after each re-encrypted row, with their number so far. */
  readonly onProgress?: (reEncrypted: number) => void;
  readonly columns?: readonly EncryptedColumn[];
}

interface EncryptedRow {
  readonly id: string;
  readonly encrypted: string;
}

const PAGE_SIZE = 500;

/** The number of values that are not encrypted with the first key of the ring. */
export async function countOutdated(
  catalog: DataSource,
  keyRing: KeyRing,
  columns: readonly EncryptedColumn[] = ENCRYPTED_COLUMNS,
): Promise<number> {
  let outdated = 0;
  for (const { table, column } of columns) {
    const [{ count }] = await catalog.query<[{ count: number }]>(
      `SELECT count(*)::int AS count FROM ${table} WHERE NOT starts_with(${column}, $1)`,
      [keyRing.currentPrefix],
    );
    outdated += count;
  }
  return outdated;
}

/**
 * Re-encrypts every value that is not encrypted with the first key of the ring. It updates row by row, each only if its
 * value is unchanged since it was read, so it can be stopped and repeated at any point and never overwrites a
 * concurrent write.
 *
 * An instance that runs with the previous order of keys keeps encrypting with the previous key: run this when no such
 * instance is left, and retire a key only when `countOutdated` returns 0.
 *
 * @throws the signal's reason
 */
export async function reEncryptAll(
  catalog: DataSource,
  keyRing: KeyRing,
  { signal, onProgress, columns = ENCRYPTED_COLUMNS }: ReEncryptionOptions = {},
): Promise<ReEncryptionResult> {
  let reEncrypted = 0;
  const broken: string[] = [];
  for (const column of columns) {
    for await (const row of encryptedRows(catalog, column)) {
      signal?.throwIfAborted();
      const outcome = await reEncryptRow(catalog, keyRing, column, row);
      if (outcome === 'broken') broken.push(column.context(row.id));
      if (outcome !== 're-encrypted') continue;
      reEncrypted += 1;
      onProgress?.(reEncrypted);
    }
  }
  return { reEncrypted, broken };
}

async function reEncryptRow(
  catalog: DataSource,
  keyRing: KeyRing,
  { table, idColumn, column, context }: EncryptedColumn,
  { id, encrypted }: EncryptedRow,
): Promise<'re-encrypted' | 'broken' | 'unchanged'> {
  if (keyRing.isCurrent(encrypted)) return 'unchanged';
  try {
    const [, changed] = await catalog.query<[unknown[], number]>(
      `UPDATE ${table} SET ${column} = $1 WHERE ${idColumn} = $2 AND ${column} = $3`,
      [keyRing.reEncrypt(encrypted, context(id)), id, encrypted],
    );
    return changed === 1 ? 're-encrypted' : 'unchanged';
  } catch (error) {
    if (error instanceof DecryptionError) return 'broken';
    throw error;
  }
}

/** In the order of their ids, a page at a time: concurrent writes are neither blocked nor missed. */
async function* encryptedRows(
  catalog: DataSource,
  { table, idColumn, column }: EncryptedColumn,
): AsyncGenerator<EncryptedRow> {
  const select = `SELECT ${idColumn} AS id, ${column} AS encrypted FROM ${table} WHERE ${column} IS NOT NULL`;
  let after: string | undefined;
  for (;;) {
    const afterLast = after === undefined ? '' : ` AND ${idColumn} > $1`;
    const rows = await catalog.query<EncryptedRow[]>(
      `${select}${afterLast} ORDER BY ${idColumn} LIMIT ${PAGE_SIZE}`,
      after === undefined ? [] : [after],
    );
    yield* rows;
    after = rows.at(-1)?.id;
    if (rows.length < PAGE_SIZE) return;
  }
}
