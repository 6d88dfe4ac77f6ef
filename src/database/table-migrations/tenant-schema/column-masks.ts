/**
 * Replaces a value in a masked clone. It gets the value's text form as PostgreSQL writes it with `DateStyle` ISO and
 * `bytea_output` hex, never NULL, and returns the text form of what takes its place, which PostgreSQL reads as the column's
 * type, or null. It must depend on the value alone, and is called for one row after the other: it must be fast.
 */
export type ColumnMask = (text: string) => string | null;

/**
 * The columns whose values are replaced in a masked clone, by the names that tables and columns have in the database:
 * `{ customers: { email: (text) => `${hashOf(text)}@example.com` } }`.
 */
export type ColumnMasks = Readonly<Record<string, Readonly<Record<string, ColumnMask>>>>;
