/** A set of tables without the newest version of a reference table. */
export interface ReferencePlaceBehind {
  readonly server: string;
  readonly database: string;
  readonly schema: string;
  /** The version that it has; 0: none that was published. */
  readonly version: number;
  /** Why it has not got the newest one; null: it was not attempted, or that is in progress. */
  readonly error: string | null;
}

/** A published reference table. */
export interface ReferenceTableView {
  readonly table: string;
  /** The newest one, counted from 1. */
  readonly version: number;
  /** How many rows it has. */
  readonly rows: number;
  /** Of its rows in their order. */
  readonly checksum: string;
  /** ISO 8601. */
  readonly publishedAt: string;
  /** The actor's name. */
  readonly publishedBy: string;
  /** How many sets of tables tenants have. */
  readonly places: number;
  /** How many of them lack the newest version. */
  readonly behind: number;
  /** The first 20 of these. */
  readonly placesBehind: readonly ReferencePlaceBehind[];
}

/** The published reference tables, by name. */
export interface ReferenceTableList {
  readonly items: readonly ReferenceTableView[];
}
