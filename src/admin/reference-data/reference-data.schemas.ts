import { z } from 'zod';

/** A table of this many rows, in each schema and database, is written in one transaction. */
const MAX_ROWS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Of an identifier of PostgreSQL. */
const MAX_NAME_BYTES = 63;

/** The columns or the name of a table: any identifier that PostgreSQL does not truncate. */
const identifier = z
  .string()
  .min(1)
  .refine(
    (name) => Buffer.byteLength(name) <= MAX_NAME_BYTES && !name.includes('\0'),
    'must have at most 63 bytes, no NUL',
  );

/** The table of a publication, named in the path of the request. */
export const publishedTable = z.object({ table: identifier });

/** All rows of a version: objects with the same columns, the primary key among them. */
export const referenceRows = z
  .array(z.record(identifier, z.json()))
  .min(1)
  .max(MAX_ROWS)
  .refine(haveSameColumns, 'all rows must have the same columns')
  .refine((rows) => Buffer.byteLength(JSON.stringify(rows)) <= MAX_BYTES, `must not exceed ${MAX_BYTES} bytes as JSON`);
export type ReferenceRowList = z.infer<typeof referenceRows>;

function haveSameColumns(rows: readonly Readonly<Record<string, unknown>>[]): boolean {
  const columnsOf = (row: Readonly<Record<string, unknown>>): string => JSON.stringify(Object.keys(row).toSorted());
  const first = columnsOf(rows[0] ?? {});
  return rows.every((row) => columnsOf(row) === first);
}

export const publication = z.strictObject({ rows: referenceRows }).meta({
  id: 'ReferencePublication',
  example: {
    rows: [
      { code: 'DE', name: 'Germany' },
      { code: 'FR', name: 'France' },
    ],
  },
});
export type Publication = z.infer<typeof publication>;

const placeBehind = z.object({
  server: z.string(),
  database: z.string(),
  schema: z.string(),
  version: z.int().describe('the version that it has; 0: none that was published'),
  error: z.string().nullable().describe('why it has not got the newest one; null: not attempted, or in progress'),
});

const referenceTableView = z
  .object({
    table: z.string(),
    version: z.int(),
    rows: z.int(),
    checksum: z.string(),
    publishedAt: z.iso.datetime(),
    publishedBy: z.string(),
    places: z.int().describe('sets of tables that tenants have: shared ones, schemas, databases'),
    behind: z.int().describe('those without the newest version'),
    placesBehind: z.array(placeBehind).describe('the first of them'),
  })
  .meta({
    id: 'ReferenceTable',
    example: {
      table: 'countries',
      version: 3,
      rows: 249,
      checksum: 'ab4f63f9ac65152575886860dde480a1',
      publishedAt: '2026-01-05T09:30:00.000Z',
      publishedBy: 'admin-key',
      places: 120,
      behind: 1,
      placesBehind: [
        {
          server: 'eu-2',
          database: 'tenantry_shared',
          schema: 'shared',
          version: 2,
          error: 'the database is unavailable',
        },
      ],
    },
  });

export const referenceTableList = z.object({ items: z.array(referenceTableView) });
