import type pg from 'pg';
import { ENCRYPTED_COLUMNS, type EncryptedColumn } from '../../catalog/encrypted-columns.js';
import { type KeyRing, DecryptionError } from '../../platform/encryption/key-ring.js';
import type { Questions } from '../diagnosis/query-server.js';
import type { Check, Diagnosis } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'sealed-values';
const PAGE = 1_000;
const MAX_REPORTED = 5;

interface Seen {
  total: number;
  outdated: number;
  readonly broken: string[];
}

/** Every sealed value opens, and with the key that seals now. */
export const encryptedValues: Check<Diagnosis> = {
  name: NAME,
  look: async ({ catalog, keyRing }) => {
    const seen: Seen = { total: 0, outdated: 0, broken: [] };
    for (const column of ENCRYPTED_COLUMNS) await lookThrough(catalog, keyRing, column, seen);
    return judge(seen);
  },
};

function judge({ total, outdated, broken }: Seen): Finding[] {
  const findings: Finding[] = [];
  if (broken.length > 0) {
    const places = broken.slice(0, MAX_REPORTED).join(', ');
    const remedy = 'put the key they were sealed with back into ENCRYPTION_KEYS';
    findings.push(fail(NAME, `${broken.length} of ${total} do not open: ${places}`, remedy));
  }
  if (outdated > 0) {
    findings.push(warn(NAME, `${outdated} of ${total} are sealed with a former key`, 'npm run tenantry -- reseal'));
  }
  return findings.length > 0 ? findings : [ok(NAME, `${total} open, sealed with the present key`)];
}

async function lookThrough(
  catalog: Questions,
  keyRing: KeyRing,
  { table, idColumn, column, context: place }: EncryptedColumn,
  seen: Seen,
): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const { rows }: pg.QueryResult<{ id: string; sealed: string }> = await catalog.query(
      `SELECT ${idColumn}::text AS id, ${column} AS sealed FROM ${table}
       WHERE ${column} IS NOT NULL AND ($1::text IS NULL OR ${idColumn}::text > $1) ORDER BY 1 LIMIT ${PAGE}`,
      [after],
    );
    for (const { id, sealed } of rows) {
      seen.total += 1;
      if (!opens(keyRing, sealed, place(id))) seen.broken.push(place(id));
      else if (!keyRing.isCurrent(sealed)) seen.outdated += 1;
    }
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.id ?? null;
  }
}

function opens(keyRing: KeyRing, sealed: string, place: string): boolean {
  try {
    keyRing.decrypt(sealed, place);
    return true;
  } catch (error) {
    if (error instanceof DecryptionError) return false;
    throw error;
  }
}
