import type pg from 'pg';
import { ENCRYPTED_COLUMNS, type EncryptedColumn } from '../../catalog/encrypted-columns.js';
import { type KeyRing, DecryptionError } from '../../platform/encryption/key-ring.js';
import type { Queryable } from '../diagnosis/query-server.js';
import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'sealed-values';
const PAGE_SIZE = 1_000;
const MAX_REPORTED = 5;

interface ValueCounts {
  total: number;
  outdated: number;
  /** Contexts (`table:id:column`) of values that no key decrypts. */
  readonly broken: string[];
}

/** Checks that every encrypted column can be decrypted, and with the current key. */
export const encryptedValues: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog, keyRing }) => {
    const counts: ValueCounts = { total: 0, outdated: 0, broken: [] };
    for (const column of ENCRYPTED_COLUMNS) await countValues(catalog, keyRing, column, counts);
    return findingsOf(counts);
  },
};

function findingsOf({ total, outdated, broken }: ValueCounts): Finding[] {
  const findings: Finding[] = [];
  if (broken.length > 0) {
    const examples = broken.slice(0, MAX_REPORTED).join(', ');
    const remedy = 'restore the key they were encrypted with in ENCRYPTION_KEYS';
    findings.push(fail(NAME, `${broken.length} of ${total} cannot be decrypted: ${examples}`, remedy));
  }
  if (outdated > 0) {
    findings.push(warn(NAME, `${outdated} of ${total} are encrypted with an old key`, 'npm run tenantry -- reseal'));
  }
  return findings.length > 0 ? findings : [ok(NAME, `${total} values, all encrypted with the current key`)];
}

async function countValues(
  catalog: Queryable,
  keyRing: KeyRing,
  { table, idColumn, column, context: contextOf }: EncryptedColumn,
  counts: ValueCounts,
): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const { rows }: pg.QueryResult<{ id: string; encrypted: string }> = await catalog.query(
      `SELECT ${idColumn}::text AS id, ${column} AS encrypted FROM ${table}
       WHERE ${column} IS NOT NULL AND ($1::text IS NULL OR ${idColumn}::text > $1) ORDER BY 1 LIMIT ${PAGE_SIZE}`,
      [after],
    );
    for (const { id, encrypted } of rows) {
      counts.total += 1;
      if (!canDecrypt(keyRing, encrypted, contextOf(id))) counts.broken.push(contextOf(id));
      else if (!keyRing.isCurrent(encrypted)) counts.outdated += 1;
    }
    if (rows.length < PAGE_SIZE) return;
    after = rows.at(-1)?.id ?? null;
  }
}

function canDecrypt(keyRing: KeyRing, encrypted: string, context: string): boolean {
  try {
    keyRing.decrypt(encrypted, context);
    return true;
  } catch (error) {
    if (error instanceof DecryptionError) return false;
    throw error;
  }
}
