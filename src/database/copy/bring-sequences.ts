import pg from 'pg';
import { copiedTables } from './tables/copied-tables.js';
import { type CopyPlace, isSamePlace, qualified } from './copy-place.js';
import { transaction } from './transaction.js';

interface Sequence {
  readonly table: string;
  readonly column: string;
  /** Quoted, with its schema. */
  readonly name: string;
  readonly increment: bigint;
  readonly cache: string;
}

interface SequenceState {
  readonly last: bigint;
  readonly isCalled: boolean;
}

/** Where the sequence of a column is. */
export interface ColumnSequence extends SequenceState {
  /** Bare name. */
  readonly table: string;
  readonly column: string;
}

/** So many steps take about a second. */
const MAX_STEPS = 2_000_000n;
const STEPS_PER_STATEMENT = 100_000n;
const LOCK_TIMEOUT = '2s';

// Owned by a column (serial, identity), or what its default calls.
const SEQUENCES = `
  SELECT DISTINCT c.relname AS "table", a.attname AS "column", format('%I.%I', n.nspname, s.relname) AS name,
         q.seqincrement::text AS increment, q.seqcache::text AS cache
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
  JOIN pg_depend d
    ON (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
        AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))
    OR (d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass)
  JOIN pg_class s ON s.relkind = 'S' AND s.oid = CASE d.classid WHEN 'pg_class'::regclass THEN d.objid ELSE d.refobjid END
  JOIN pg_sequence q ON q.seqrelid = s.oid
  JOIN pg_namespace n ON n.oid = s.relnamespace
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname = ANY ($2)
  ORDER BY 1, 2`;

/**
 * Advances the sequences of the copied tables' columns at the destination to where they are at the source. None goes back,
 * also while other tenants use it. A place that is both has nothing to bring.
 */
export async function bringSequences(from: CopyPlace, to: CopyPlace): Promise<void> {
  if (await isSamePlace(from, to)) return;
  await advanceSequences(to, await columnSequences(from));
}

/** The sequences of the copied tables' columns. */
export async function columnSequences(place: CopyPlace): Promise<ColumnSequence[]> {
  const found: ColumnSequence[] = [];
  for (const sequence of await sequencesOf(place)) {
    const { table, column } = sequence;
    found.push({ table, column, ...(await stateOf(place, sequence)) });
  }
  return found;
}

/**
 * Where sequences of the copied tables' columns must be behind the rows that are at a place. One without rows is not among
 * them.
 */
export async function sequencesOfRows(place: CopyPlace): Promise<ColumnSequence[]> {
  const found: ColumnSequence[] = [];
  for (const { table, column, increment } of await sequencesOf(place)) {
    const farthest = increment < 0n ? 'min' : 'max';
    const { rows } = await place.client.query<{ last: string | null }>(
      `SELECT ${farthest}(${pg.escapeIdentifier(column)})::text AS last FROM ${qualified(place, table)}`,
    );
    const last = rows[0]?.last ?? null;
    if (last !== null && /^-?\d+$/.test(last)) found.push({ table, column, last: BigInt(last), isCalled: true });
  }
  return found;
}

/**
 * Why sequences that other tenants use should not be advanced as far as these are, a sentence each: one that is nearly used up
 * would end the others' inserts. Empty when nothing speaks against it.
 */
export async function sequenceObstacles(to: CopyPlace, sources: readonly ColumnSequence[]): Promise<string[]> {
  const obstacles: string[] = [];
  for (const sequence of await sequencesOf(to)) {
    const source = sources.find(({ table, column }) => table === sequence.table && column === sequence.column);
    if (source && stepsTo(source, await stateOf(to, sequence), sequence.increment) > MAX_STEPS) {
      obstacles.push(`column "${sequence.column}" of table "${sequence.table}" has values far ahead of its sequence`);
    }
  }
  return obstacles;
}

/** Advances those of them that the destination has. None goes back. */
export async function advanceSequences(to: CopyPlace, sources: readonly ColumnSequence[]): Promise<void> {
  const idOf = ({ table, column }: Sequence | ColumnSequence): string => JSON.stringify([table, column]);
  const bySequence = new Map(sources.map((source) => [idOf(source), source]));
  for (const sequence of await sequencesOf(to)) {
    const source = bySequence.get(idOf(sequence));
    if (source) await bring(to, sequence, source);
  }
}

async function sequencesOf({ client, schema }: CopyPlace): Promise<Sequence[]> {
  const tables = (await copiedTables(client, schema)).flat().map(({ name }) => name);
  const { rows } = await client.query<Record<keyof Sequence, string>>(SEQUENCES, [schema, tables]);
  return rows.map((row) => ({ ...row, increment: BigInt(row.increment) }));
}

async function stateOf({ client }: CopyPlace, { name }: Sequence): Promise<SequenceState> {
  const { rows } = await client.query<{ last: string; isCalled: boolean }>(
    `SELECT last_value::text AS last, is_called AS "isCalled" FROM ${name}`,
  );
  if (!rows[0]) throw new Error(`sequence ${name} has no state`);
  return { last: BigInt(rows[0].last), isCalled: rows[0].isCalled };
}

/** How many values of the sequence must be used up until its next one is not before that of the source. */
function stepsTo(source: SequenceState, own: SequenceState, increment: bigint): bigint {
  const next = ({ last, isCalled }: SequenceState): bigint => (isCalled ? last + increment : last);
  const distance = (next(source) - next(own)) * (increment < 0n ? -1n : 1n);
  const step = increment < 0n ? -increment : increment;
  return distance <= 0n ? 0n : (distance + step - 1n) / step;
}

async function bring(to: CopyPlace, sequence: Sequence, source: SequenceState): Promise<void> {
  const steps = async (): Promise<bigint> => stepsTo(source, await stateOf(to, sequence), sequence.increment);
  let left = await steps();
  if (left === 0n) return;
  if (to.isAlone) return setValue(to, sequence, source);
  if (left > MAX_STEPS) return setValueExclusively(to, sequence, source, steps);
  for (; left > 0n; left = await steps()) {
    const count = left < STEPS_PER_STATEMENT ? left : STEPS_PER_STATEMENT;
    await to.client.query('SELECT count(nextval($1::regclass)) FROM generate_series(1, $2::int)', [
      sequence.name,
      Number(count),
    ]);
  }
}

async function setValue({ client }: CopyPlace, { name }: Sequence, { last, isCalled }: SequenceState): Promise<void> {
  await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [name, String(last), isCalled]);
}

/**
 * `setval` could undo steps that another session takes meanwhile. Changing a sequence, though to what it is, holds their
 * `nextval` back until the end of the transaction (https://www.postgresql.org/docs/current/sql-altersequence.html).
 */
async function setValueExclusively(
  to: CopyPlace,
  sequence: Sequence,
  source: SequenceState,
  steps: () => Promise<bigint>,
): Promise<void> {
  const { client } = to;
  await transaction(client, 'BEGIN', async () => {
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(`ALTER SEQUENCE ${sequence.name} CACHE ${sequence.cache}`);
    if ((await steps()) > 0n) await setValue(to, sequence, source);
  });
}
