/** A place in a primary's write-ahead log. What was committed before it is on a replica that has replayed up to it. */
export interface WalPosition {
  /** The server's id in the catalog. */
  readonly serverId: string;
  /** Rises when a standby is promoted; positions of two timelines are not compared. */
  readonly timeline: number;
  readonly lsn: bigint;
}

/**
 * SQL of the position behind everything that is committed when it runs, on a primary. The insert position: after a commit that does not
 * wait for the disk, those behind it are still in front of the commit.
 */
export const POSITION_SQL =
  "SELECT pg_catalog.left(pg_catalog.pg_walfile_name(lsn), 8) || ' ' || lsn AS position FROM pg_catalog.pg_current_wal_insert_lsn() AS lsn";

/** @param text a result of `POSITION_SQL` @returns undefined when it is none */
export function parsePosition(serverId: string, text: string): WalPosition | undefined {
  const [, timeline, lsn = ''] = /^([\dA-F]{8}) ([\dA-F/]{3,17})$/.exec(text) ?? [];
  const parsed = parseLsn(lsn);
  return timeline === undefined || parsed === undefined
    ? undefined
    : { serverId, timeline: Number.parseInt(timeline, 16), lsn: parsed };
}

/** @param text as PostgreSQL writes a `pg_lsn`: two hexadecimal numbers of 32 bits @returns undefined when it is none */
export function parseLsn(text: string): bigint | undefined {
  const [, high, low] = /^([\dA-F]{1,8})\/([\dA-F]{1,8})$/.exec(text) ?? [];
  return high === undefined || low === undefined ? undefined : (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** As PostgreSQL reads a `pg_lsn`. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}
