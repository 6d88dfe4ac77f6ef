import pg from 'pg';
import { type CopiedReference, type CopiedTable, copiedTables } from './tables/copied-tables.js';
import { columnList, type CopyPlace, qualified, rowsOf } from './copy-place.js';
import { copyStream } from './streams/copy-stream.js';
import { CopyPlacesError } from './copy.errors.js';
import { CHANGES } from '../gates/gate-objects.js';
import { keyMatch, referenceMatch } from './matches.js';
import { writing } from './refusals.js';
import { TransferMeter } from './streams/transfer-meter.js';

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

/**
 * Which rows of a table of the source are copied already, as a condition on the columns of its key in a table `k`; undefined when
 * none is.
 */
export type CopiedRows = (table: CopiedTable) => string | undefined;

interface FetchOptions {
  readonly signal: AbortSignal;
  /** Changes of other rows are left out. Default: all are copied. */
  readonly copied?: CopiedRows | undefined;
}

const ALL_COPIED: CopiedRows = () => 'true';

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
 * The rows that were changed, per table. Both places have transactions that the caller has begun, and that end when this is
 * no longer used.
 */
export class ChangedRows {
  private readonly changed: ChangedTable[] = [];
  /** Temporary tables are numbered also where nothing was found for them. */
  private named = 0;

  private constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly tenantId: string,
    private readonly signal: AbortSignal,
    private readonly copied: CopiedRows,
    private readonly sources: ReadonlyMap<string, CopiedTable>,
    private readonly destinations: readonly CopiedTable[],
  ) {}

  /**
   * Brings the keys and current rows of the changes that were taken to the destination.
   *
   * @throws CopyPlacesError when a changed table is at one place only, or has no key
   */
  static async fetch(
    from: CopyPlace,
    to: CopyPlace,
    tenantId: string,
    { signal, copied = ALL_COPIED }: FetchOptions,
  ): Promise<ChangedRows> {
    const sources = (await copiedTables(from.client, from.schema)).flat();
    const destinations = (await copiedTables(to.client, to.schema)).flat();
    const byName = new Map(sources.map((table) => [table.name, table]));
    const rows = new ChangedRows(from, to, tenantId, signal, copied, byName, destinations);
    await rows.fetchTaken();
    return rows;
  }

  /** Referenced tables come before those that refer to them, except for those that `withReferring` has added. */
  get tables(): readonly ChangedTable[] {
    return this.changed;
  }

  /**
   * Adds all rows at the destination that refer to changed rows of a table, those that refer to them, and so on: then all of
   * these can be deleted, and written again as they are at the source.
   *
   * @returns the table, and all that refer to it
   */
  async withReferring(name: string): Promise<readonly ChangedTable[]> {
    const first = this.find(name);
    if (!first) return [];
    const reached = new Set([name]);
    const grown = new Set<string>();
    for (let pending = [first]; pending.length > 0;) {
      const [parent, ...others] = pending as [ChangedTable, ...ChangedTable[]];
      pending = others;
      for (const reference of parent.table.references) {
        const child = this.find(reference.child) ?? (await this.addTable(reference.child));
        const added = await this.addReferring(parent, reference, child);
        if (added > 0) grown.add(reference.child);
        if (added > 0 || !reached.has(reference.child)) pending.push(child);
        reached.add(reference.child);
      }
    }
    for (const grownName of grown) await this.fetchAgain(grownName);
    return this.changed.filter(({ table }) => reached.has(table.name));
  }

  private find(name: string): ChangedTable | undefined {
    return this.changed.find(({ table }) => table.name === name);
  }

  private async fetchTaken(): Promise<void> {
    const { rows } = await this.from.client.query<{ relation: string }>(
      'SELECT DISTINCT relation FROM pg_temp.tenantry_changes',
    );
    const relations = new Set(rows.map(({ relation }) => relation));
    for (const { name } of this.destinations) {
      if (!relations.delete(name)) continue;
      const names = this.names(name);
      const keyCount = await this.typeKeys(names);
      if (keyCount === 0) continue;
      await this.makeEmpty(this.to, names.table, names.keys, names.table.key);
      await this.send(
        this.from,
        this.to,
        names.keys,
        names.table.key,
        `SELECT ${columnList(names.table.key)} FROM ${names.keys}`,
      );
      this.changed.push({ ...names, keyCount, goneCount: await this.fetchRows(names) });
    }
    const [unknown] = relations;
    if (unknown !== undefined) throw new CopyPlacesError(`table "${unknown}" is not at both places`);
  }

  private names(name: string): Names {
    const source = this.sources.get(name);
    const destination = this.destinations.find((table) => table.name === name);
    if (!source || !destination) throw new CopyPlacesError(`table "${name}" is not at both places`);
    if (source.key.length === 0) throw new CopyPlacesError(`table "${name}" has no key`);
    return { source, table: { ...destination, columns: source.columns }, ...temporaryNames((this.named += 1)) };
  }

  /** A table of which no row was noted. */
  private async addTable(name: string): Promise<ChangedTable> {
    const names = this.names(name);
    await this.makeEmpty(this.to, names.table, names.keys, names.table.key);
    await this.makeEmpty(this.from, names.source, names.keys, names.source.key);
    const added = { ...names, keyCount: 0, goneCount: await this.fetchRows(names) };
    this.changed.push(added);
    return added;
  }

  /** @returns how many rows were added */
  private async addReferring(parent: ChangedTable, reference: CopiedReference, child: ChangedTable): Promise<number> {
    const key = columnList(child.table.key);
    const { rowCount } = await this.to.client.query(
      `INSERT INTO ${child.keys} (${key})
       SELECT DISTINCT ${columnList(child.table.key, 'c')} FROM ${reference.relation} c
       JOIN ${rowsOf(this.to, parent.table)} t ON ${referenceMatch(reference, 't', 'c')}
       JOIN ${parent.keys} k ON ${keyMatch(parent.table, 't', 'k')}
       WHERE c.tenant_id = ${this.tenant} AND t.tenant_id = ${this.tenant}
         AND NOT EXISTS (SELECT FROM ${child.keys} e WHERE ${keyMatch(child.table, 'c', 'e')})`,
    );
    return rowCount ?? 0;
  }

  /** Fetches the rows of all keys at the destination, of which there are more than before. */
  private async fetchAgain(name: string): Promise<void> {
    const index = this.changed.findIndex(({ table }) => table.name === name);
    const changed = this.changed[index];
    if (!changed) return;
    await this.from.client.query(`DELETE FROM ${changed.keys}`);
    await this.send(
      this.to,
      this.from,
      changed.keys,
      changed.table.key,
      `SELECT ${columnList(changed.table.key)} FROM ${changed.keys}`,
    );
    await this.from.client.query(`ANALYZE ${changed.keys}`);
    await this.to.client.query(`DROP TABLE ${changed.rows}, ${changed.gone}`);
    this.changed[index] = { ...changed, goneCount: await this.fetchRows(changed) };
  }

  /**
   * Fetches the rows of the keys that both places have. Temporary tables are never analyzed by themselves; without
   * statistics, large tables might be read as a whole.
   *
   * @returns how many rows are gone at the source
   */
  private async fetchRows(names: Names): Promise<number> {
    const { source, table, keys, rows, gone } = names;
    await this.makeEmpty(this.to, table, rows, table.columns);
    const current = `SELECT ${columnList(source.columns, 't')} FROM ${rowsOf(this.from, source)} t
      JOIN ${keys} k ON ${keyMatch(source, 't', 'k')} WHERE t.tenant_id = ${this.tenant}`;
    await this.send(this.from, this.to, rows, table.columns, current);
    await this.to.client.query(`ANALYZE ${keys}; ANALYZE ${rows}`);
    const { rowCount } = await this.to.client.query(
      `CREATE TEMP TABLE ${bare(gone)} ON COMMIT DROP AS SELECT * FROM ${keys} k
       WHERE NOT EXISTS (SELECT FROM ${rows} r WHERE ${keyMatch(table, 'r', 'k')})`,
    );
    await this.to.client.query(`ANALYZE ${gone}`);
    return rowCount ?? 0;
  }

  /** The keys were noted as JSON; with the types of their columns they find rows by an index. @returns how many are of copied rows */
  private async typeKeys({ source, keys }: Names): Promise<number> {
    const copied = this.copied(source);
    if (copied === undefined) return 0;
    const { client } = this.from;
    const definitions = source.keyColumns.map(({ name, type }) => `${pg.escapeIdentifier(name)} ${type}`);
    const { rowCount } = await client.query(
      `CREATE TEMP TABLE ${bare(keys)} ON COMMIT DROP AS
       SELECT DISTINCT ${columnList(source.key, 'k')}
       FROM pg_temp.tenantry_changes c, jsonb_to_record(c.key) AS k (${definitions.join(', ')})
       WHERE c.relation = ${pg.escapeLiteral(source.name)} AND ${copied}`,
    );
    await client.query(`ANALYZE ${keys}`);
    return rowCount ?? 0;
  }

  private async makeEmpty(
    place: CopyPlace,
    table: CopiedTable,
    name: string,
    columns: readonly string[],
  ): Promise<void> {
    await place.client.query(
      `CREATE TEMP TABLE ${bare(name)} ON COMMIT DROP AS
       SELECT ${columnList(columns)} FROM ${qualified(place, table.name)} WITH NO DATA`,
    );
  }

  private async send(
    from: CopyPlace,
    to: CopyPlace,
    into: string,
    columns: readonly string[],
    query: string,
  ): Promise<void> {
    const destination = { client: to.client, into: `${into} (${columnList(columns)})` };
    const meter = new TransferMeter(() => undefined);
    await writing(() => copyStream({ client: from.client, query }, destination, { meter, signal: this.signal }));
  }

  private get tenant(): string {
    return `${pg.escapeLiteral(this.tenantId)}::uuid`;
  }
}

type Names = Omit<ChangedTable, 'keyCount' | 'goneCount'>;

function temporaryNames(n: number): Pick<ChangedTable, 'keys' | 'rows' | 'gone'> {
  return { keys: `pg_temp.tenantry_keys_${n}`, rows: `pg_temp.tenantry_rows_${n}`, gone: `pg_temp.tenantry_gone_${n}` };
}

/** `CREATE TEMP TABLE` takes the name without its schema. */
function bare(name: string): string {
  return name.replace('pg_temp.', '');
}
