import type pg from 'pg';

/**
 * A point in the catalog's history. Two points are comparable within one history only: another one begins when the catalog
 * may have lost changes, because a standby was promoted, the server crashed or a backup was restored.
 */
export interface CatalogPoint {
  readonly history: string;
  /** Of two reads of one history, the one with the higher number saw everything that the other one saw. */
  readonly sequence: number;
}

/** Tables whose changes are announced to instances by a trigger. */
const ANNOUNCED = ['tenants', 'api_keys', 'tenant_domains', 'connection_targets', 'servers']
  .map((table) => `to_regclass('${table}')`)
  .join(', ');

/**
 * SQL of a history's identity; no clock is compared with another one. A promoted or restored server has another start time; a
 * crash, which loses transactions of `synchronous_commit = off`, resets the statistics; a restored dump has other tables. It
 * restores their triggers last, until which no change is announced: they begin one more history.
 */
const HISTORY_SQL = `left(md5(concat_ws('/',
  extract(epoch FROM pg_postmaster_start_time()), (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter),
  (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('tenants')::oid,
  (SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_trigger WHERE tgname = 'announce'
     AND tgrelid = ANY (ARRAY[${ANNOUNCED}]::oid[])))), 12)`;

/** SQL of the point at which its own statement reads. */
export const POINT_SQL = `${HISTORY_SQL} || ' ' || pg_snapshot_xmax(pg_current_snapshot())`;

const NOW = `SELECT ${HISTORY_SQL} AS history, pg_current_xact_id()::text AS sequence`;

/** @param text a result of `POINT_SQL` */
export function parsePoint(text: string): CatalogPoint {
  const [history = '', sequence] = text.split(' ');
  return { history, sequence: Number(sequence) };
}

/**
 * Returns a point that is below every read that begins from now on, and not below any that began before: the transaction id
 * that this statement takes.
 *
 * @throws the error of a standby, which has none to give
 */
export async function currentPoint(client: Pick<pg.ClientBase, 'query'>): Promise<CatalogPoint> {
  const { rows } = await client.query<{ history: string; sequence: string }>(NOW);
  const [{ history, sequence } = { history: '', sequence: '' }] = rows;
  return { history, sequence: Number(sequence) };
}

/** Returns the identity of the server's present history. */
export async function currentHistory(client: Pick<pg.ClientBase, 'query'>): Promise<string | undefined> {
  const { rows } = await client.query<{ history: string }>(`SELECT ${HISTORY_SQL} AS history`);
  return rows[0]?.history;
}
