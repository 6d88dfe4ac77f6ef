import type { DataSource } from 'typeorm';
import { type KeyRing, DecryptionError } from '../platform/encryption/key-ring.js';
import { targetPasswordContext } from './entities/connection-target.entity.js';
import { answerContext } from './entities/idempotency-key.entity.js';
import { ownerPasswordContext } from './server-owner.js';

/** Where the catalog keeps sealed values. Names are written into statements as they are. */
export interface EncryptedColumn {
  readonly table: string;
  /** Unique and never changed; of any type that has an order. */
  readonly idColumn: string;
  readonly column: string;
  /** What the value of a row is sealed for. */
  readonly context: (id: string) => string;
}

/** Every column with sealed values: one that is missing here is unreadable once its key is given up. */
export const SEALED_COLUMNS: readonly EncryptedColumn[] = [
  { table: 'connection_targets', idColumn: 'id', column: 'password_sealed', context: targetPasswordContext },
  { table: 'servers', idColumn: 'id', column: 'owner_password_sealed', context: ownerPasswordContext },
  { table: 'idempotency_keys', idColumn: 'key', column: 'answer_sealed', context: answerContext },
];

export interface ReEncryption {
  /** Sealed anew with the first key. */
  readonly reEncrypted: number;
  /** Places of values that no key of the ring opens, left as they are. */
  readonly broken: readonly string[];
}

export interface ReEncryptionOptions {
  /** Looked at between rows. */
  readonly signal?: AbortSignal;
  /** Told after each row that was sealed anew. */
  readonly onProgress?: (resealed: number) => void;
  readonly columns?: readonly EncryptedColumn[];
}

interface EncryptedRow {
  readonly id: string;
  readonly sealed: string;
}

const PAGE = 500;

/** How many values are not sealed with the first key of the ring. */
export async function countOutdated(
  catalog: DataSource,
  keyRing: KeyRing,
  columns: readonly EncryptedColumn[] = SEALED_COLUMNS,
): Promise<number> {
  let outdated = 0;
  for (const { table, column } of columns) {
    const [{ count }] = await catalog.query<[{ count: number }]>(
      `SELECT count(*)::int AS count FROM ${table} WHERE NOT starts_with(${column}, $1)`,
      [keyRing.mark],
    );
    outdated += count;
  }
  return outdated;
}

/**
 * Seals every value anew that is not sealed with the first key of the ring. Row by row, each only if it still is what
 * was read, so it can be stopped anywhere and run again, and never undoes what somebody else writes.
 *
 * An instance that runs with the former order of keys goes on sealing with the former key: run it when there is none
 * left, and give a key up when `countOutdated` says 0.
 *
 * @throws the signal's reason
 */
export async function reEncryptAll(
  catalog: DataSource,
  keyRing: KeyRing,
  { signal, onProgress, columns = SEALED_COLUMNS }: ReEncryptionOptions = {},
): Promise<ReEncryption> {
  let resealed = 0;
  const broken: string[] = [];
  for (const column of columns) {
    for await (const row of encryptedRows(catalog, column)) {
      signal?.throwIfAborted();
      const outcome = await reEncryptRow(catalog, keyRing, column, row);
      if (outcome === 'broken') broken.push(column.context(row.id));
      if (outcome !== 'resealed') continue;
      resealed += 1;
      onProgress?.(resealed);
    }
  }
  return { reEncrypted: resealed, broken };
}

async function reEncryptRow(
  catalog: DataSource,
  keyRing: KeyRing,
  { table, idColumn, column, context: place }: EncryptedColumn,
  { id, sealed }: EncryptedRow,
): Promise<'resealed' | 'broken' | 'unchanged'> {
  if (keyRing.isCurrent(sealed)) return 'unchanged';
  try {
    const [, changed] = await catalog.query<[unknown[], number]>(
      `UPDATE ${table} SET ${column} = $1 WHERE ${idColumn} = $2 AND ${column} = $3`,
      [keyRing.reEncrypt(sealed, place(id)), id, sealed],
    );
    return changed === 1 ? 'resealed' : 'unchanged';
  } catch (error) {
    if (error instanceof DecryptionError) return 'broken';
    throw error;
  }
}

/** In the order of their ids, a page at a time: what is written while it runs is neither held up nor missed. */
async function* encryptedRows(
  catalog: DataSource,
  { table, idColumn, column }: EncryptedColumn,
): AsyncGenerator<EncryptedRow> {
  const select = `SELECT ${idColumn} AS id, ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL`;
  let after: string | undefined;
  for (;;) {
    const further = after === undefined ? '' : ` AND ${idColumn} > $1`;
    const rows = await catalog.query<EncryptedRow[]>(
      `${select}${further} ORDER BY ${idColumn} LIMIT ${PAGE}`,
      after === undefined ? [] : [after],
    );
    yield* rows;
    after = rows.at(-1)?.id;
    if (rows.length < PAGE) return;
  }
}
