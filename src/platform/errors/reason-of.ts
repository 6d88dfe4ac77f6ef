/** The message of an error, or its code or name where Node leaves the message empty; anything else that was thrown, as text. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
