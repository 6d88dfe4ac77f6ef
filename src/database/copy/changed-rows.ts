import pg from 'pg';
import { type CopiedTable, copiedTables } from './copied-tables.js';
import { columnList, type CopyPlace, qualified, rowsOf } from './copy-place.js';
import { copyStream } from './copy-stream.js';
import { CopyPlacesError } from './copy.errors.js';
import { CHANGES } from '../gates/gate-objects.js';
import { keyMatch } from './digests.js';
import { writing } from './refusals.js';
import { TransferMeter } from './transfer-meter.js';

/** The rows of one table that were changed at the source, in temporary tables that last until the transactions end. */
export interface ChangedTable {
  /** As it is at either place; the columns are the same, in the same order. */
  readonly source: CopiedTable;
  readonly table: CopiedTable;
  /** Keys of changed rows, at both places. */
  readonly keys: string;
  readonly keyCount: number;
  /** The rows as they are at the source, at the destination. */
  readonly rows: string;
  /** Keys of rows that the source no longer has, at the destination. */
  readonly gone: string;
  readonly goneCount: number;
}

/** Every change that this transaction sees is removed with its end, and no other one. */
const TAKE_CHANGES = `
  WITH taken AS (DELETE FROM ${CHANGES} WHERE tenant_id = $1 AND schema = $2 RETURNING relation, key)
  INSERT INTO pg_temp.tenantry_changes SELECT DISTINCT relation, key FROM taken`;

/**
 * Takes the tenant's changes at the source, in the transaction that the caller has begun there.
 *
 * @returns the number of changed rows, 0 when there are none
 */
export async function takeChanges({ client, schema }: CopyPlace, tenantId: string): Promise<number> {
  await client.query('CREATE TEMP TABLE tenantry_changes (relation text NOT NULL, key jsonb NOT NULL) ON COMMIT DROP');
  const { rowCount } = await client.query(TAKE_CHANGES, [tenantId, schema]);
  return rowCount ?? 0;
}

/**
 * Brings the keys and current rows of the changes that were taken to the destination, in the transactions that the caller has
 * begun at both places. Referenced tables come before those that refer to them.
 *
 * @throws CopyPlacesError when a changed table is at one place only, or has no key
 */
export async function fetchChanges(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  signal: AbortSignal,
): Promise<ChangedTable[]> {
  const { rows } = await from.client.query<{ relation: string }>(
    'SELECT DISTINCT relation FROM pg_temp.tenantry_changes',
  );
  const changed = new Set(rows.map(({ relation }) => relation));
  const sources = new Map((await copiedTables(from.client, from.schema)).flat().map((table) => [table.name, table]));
  const fetched: ChangedTable[] = [];
  for (const table of (await copiedTables(to.client, to.schema)).flat()) {
    const source = sources.get(table.name);
    if (!source || !changed.delete(table.name)) continue;
    if (source.key.length === 0) throw new CopyPlacesError(`table "${table.name}" has no key`);
    const names = { source, table: { ...table, columns: source.columns }, ...temporaryNames(fetched.length) };
    fetched.push(await new Fetch(from, to, tenantId, signal).fetch(names));
  }
  if (changed.size > 0) throw new CopyPlacesError(`table "${[...changed][0]}" is not at both places`);
  return fetched;
}

type Names = Omit<ChangedTable, 'keyCount' | 'goneCount'>;

function temporaryNames(n: number): Pick<ChangedTable, 'keys' | 'rows' | 'gone'> {
  return { keys: `pg_temp.tenantry_keys_${n}`, rows: `pg_temp.tenantry_rows_${n}`, gone: `pg_temp.tenantry_gone_${n}` };
}

class Fetch {
  constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly tenantId: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Temporary tables are never analyzed by themselves; without statistics, large tables might be read as a whole. */
  async fetch(names: Names): Promise<ChangedTable> {
    const { to } = this;
    const keyCount = await this.typeKeys(names);
    await this.makeEmpty(names.table, names.keys, names.table.key);
    await this.send(names.table, `SELECT * FROM ${names.keys}`, names.keys, names.table.key);
    await this.makeEmpty(names.table, names.rows, names.table.columns);
    await this.send(names.table, this.currentRows(names), names.rows, names.table.columns);
    await to.client.query(`ANALYZE ${names.keys}; ANALYZE ${names.rows}`);
    const { rowCount } = await to.client.query(
      `CREATE TEMP TABLE ${bare(names.gone)} ON COMMIT DROP AS SELECT * FROM ${names.keys} k
       WHERE NOT EXISTS (SELECT FROM ${names.rows} r WHERE ${keyMatch(names.table, 'r', 'k')})`,
    );
    await to.client.query(`ANALYZE ${names.gone}`);
    return { ...names, keyCount, goneCount: rowCount ?? 0 };
  }

  /** The keys were noted as JSON; with the types of their columns they find rows by an index. */
  private async typeKeys({ source, keys }: Names): Promise<number> {
    const { client } = this.from;
    const definitions = source.keyColumns.map(({ name, type }) => `${pg.escapeIdentifier(name)} ${type}`);
    const { rowCount } = await client.query(
      `CREATE TEMP TABLE ${bare(keys)} ON COMMIT DROP AS
       SELECT DISTINCT ${columnList(source.key, 'k')}
       FROM pg_temp.tenantry_changes c, jsonb_to_record(c.key) AS k (${definitions.join(', ')})
       WHERE c.relation = ${pg.escapeLiteral(source.name)}`,
    );
    await client.query(`ANALYZE ${keys}`);
    return rowCount ?? 0;
  }

  private currentRows({ source, keys }: Names): string {
    return `SELECT ${columnList(source.columns, 't')} FROM ${rowsOf(this.from, source)} t
      JOIN ${keys} k ON ${keyMatch(source, 't', 'k')} WHERE t.tenant_id = ${pg.escapeLiteral(this.tenantId)}::uuid`;
  }

  private async makeEmpty(table: CopiedTable, name: string, columns: readonly string[]): Promise<void> {
    await this.to.client.query(
      `CREATE TEMP TABLE ${bare(name)} ON COMMIT DROP AS
       SELECT ${columnList(columns)} FROM ${qualified(this.to, table.name)} WITH NO DATA`,
    );
  }

  private async send(table: CopiedTable, query: string, into: string, columns: readonly string[]): Promise<void> {
    const destination = { client: this.to.client, into: `${into} (${columnList(columns)})` };
    const meter = new TransferMeter(() => undefined);
    await writing(() => copyStream({ client: this.from.client, query }, destination, meter, this.signal), table.name);
  }
}

/** `CREATE TEMP TABLE` takes the name without its schema. */
function bare(name: string): string {
  return name.replace('pg_temp.', '');
}
