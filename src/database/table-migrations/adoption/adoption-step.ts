/**
 * A part of the adoption of one table. All of them are computed from the schema as it was, and recorded before the first one runs,
 * so that a run that continues after a crash, and one that takes the adoption back, do what was planned.
 */
export interface AdoptionStep {
  readonly table: string;
  /** Readable, unique within the table: `index orders_number_key`. */
  readonly name: string;
  /** A statement that runs outside a transaction, before `run`. It makes the index `makes`, which may be left invalid. */
  readonly concurrently?: { readonly statement: string; readonly makes: string };
  /** Run in one transaction, which also records that the step is done. */
  readonly run: readonly string[];
  /** Fills `tenant_id` of the rows that exist, in batches. */
  readonly fill?: FillStep;
  /** Run in one transaction to take the step back; they have no effect when the step did not run. */
  readonly undo: readonly string[];
  /** Run in one transaction by `adopt finish`. */
  readonly finish: readonly string[];
  /** Order in which finishing goes: all steps with a lower number first. */
  readonly finishOrder: number;
  /** How many tables its locks are taken on. With more than one, a wait must end before PostgreSQL looks for deadlocks. */
  readonly locks: 0 | 1 | 2;
}

export interface FillStep {
  /** Quoted, with its schema. */
  readonly table: string;
  /** The expression of `tenant_id` for a row `t`. */
  readonly value: string;
  /** ` FROM parent p WHERE …`-like parts for a tenant that comes from another table. */
  readonly from?: { readonly source: string; readonly on: string };
  /** Whether triggers of the table run for updates. */
  readonly hasTriggers: boolean;
}

/** Names by which adoption marks what `adopt finish` removes. */
export const ADOPTION_SCHEMA = 'tenantry_adoption';
/** Admits the existing application's roles until the adoption is finished. */
export const ADOPTION_POLICY = 'tenantry_adoption';
