const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text has the usual form of a UUID, in either case and of any version, as PostgreSQL accepts it. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
