import { addsRows } from './adding-statements.js';

/** Whether a tenant may add rows. */
export interface Growth {
  /** Called for each statement of a tenant with a limit. */
  isExceeded(): boolean;
  /** The error for a statement that adds rows nevertheless. */
  refusal(): Error;
}

/** @param growth undefined for a tenant without a limit. @throws its refusal */
export function assertMayAdd(growth: Growth | undefined, text: string): void {
  if (growth?.isExceeded() && addsRows(text)) throw growth.refusal();
}
