/** The second is the code for a CommonJS package with a missing dependency. */
const CODES: ReadonlySet<string | undefined> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/** Whether an import failed because a package is not installed. */
export function isNotInstalled(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException | undefined)?.code);
}
