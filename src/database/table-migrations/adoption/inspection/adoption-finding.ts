/** Something about an existing schema that the reader of a plan must know. */
export interface AdoptionFinding {
  /**
   * `refused`: nothing is adopted until it is mended, or the table left out. `attention`: adoption goes on, and something that
   * the application relies on may change. `note`: good to know.
   */
  readonly severity: 'refused' | 'attention' | 'note';
  /** Undefined for the schema as a whole. */
  readonly table: string | undefined;
  readonly what: string;
  /** What to do, as a sentence. */
  readonly advice: string;
}

export function refused(table: string | undefined, what: string, advice: string): AdoptionFinding {
  return { severity: 'refused', table, what, advice };
}

export function attention(table: string | undefined, what: string, advice: string): AdoptionFinding {
  return { severity: 'attention', table, what, advice };
}

export function note(table: string | undefined, what: string, advice: string): AdoptionFinding {
  return { severity: 'note', table, what, advice };
}
