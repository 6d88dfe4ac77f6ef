import { z } from 'zod';
import { parseJson } from '../../../platform/parse-json.js';
import { ArchiveUnreadableError } from '../archive.errors.js';

export const FORMAT = 'tenantry-archive';
export const FORMAT_VERSION = 1;

const MAX_TABLES = 10_000;
const MAX_COLUMNS = 1_600; // PostgreSQL's own limit
const MAX_MIGRATIONS = 100_000;

/** A name in PostgreSQL: at most 63 bytes, without NUL. */
const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 63 && !text.includes('\0'), 'must have at most 63 bytes, no NUL');

const whole = z.string().regex(/^-?\d{1,19}$/);

const table = z.strictObject({
  name,
  /** In the order of the rows' fields, without `tenant_id`. */
  columns: z.array(name).min(1).max(MAX_COLUMNS),
  rows: z.int().nonnegative(),
  /** The sum of the rows' hashes as PostgreSQL makes them, in whatever order they are. */
  hash: z.string().regex(/^-?\d{1,60}$/),
});

const sequence = z.strictObject({ table: name, column: name, last: whole, isCalled: z.boolean() });

const manifest = z.strictObject({
  format: z.literal(FORMAT),
  formatVersion: z.literal(FORMAT_VERSION),
  /** The moment of the snapshot from which the rows are. */
  takenAt: z.iso.datetime(),
  tenant: z.strictObject({ slug: z.string().max(63), isolation: z.enum(['row', 'schema', 'database']) }),
  /** The server's version as `server_version_num` has it. */
  postgresVersion: z.int().positive(),
  encoding: z.string().max(63),
  /** Names of the migrations that made the tables, in the order in which they ran. */
  migrations: z.array(z.string().min(1).max(500)).max(MAX_MIGRATIONS),
  /** In the order in which their rows follow: referenced tables first. */
  tables: z.array(table).max(MAX_TABLES),
  sequences: z.array(sequence).max(MAX_TABLES),
});

/** What an archive says about itself, before the rows. */
export type ArchiveManifest = z.infer<typeof manifest>;
export type ArchivedTable = ArchiveManifest['tables'][number];

/** @throws ArchiveUnreadableError */
export function parseManifest(text: string): ArchiveManifest {
  const json = parseJson(text);
  const about = z.looseObject({ format: z.literal(FORMAT), formatVersion: z.int().positive() }).safeParse(json);
  if (!about.success) throw new ArchiveUnreadableError('its manifest is not one of Tenantry');
  if (about.data.formatVersion > FORMAT_VERSION) {
    throw new ArchiveUnreadableError(
      `it has version ${about.data.formatVersion} of the format, and this release reads versions up to ${FORMAT_VERSION}`,
    );
  }
  const parsed = manifest.safeParse(json);
  if (!parsed.success) throw new ArchiveUnreadableError(`its manifest is wrong at ${pathOf(parsed.error)}`);
  const names = parsed.data.tables.map((one) => one.name);
  if (new Set(names).size !== names.length) throw new ArchiveUnreadableError('its manifest names a table twice');
  return parsed.data;
}

/** The manifest's values are not quoted. */
function pathOf({ issues }: z.ZodError): string {
  return issues[0]?.path.map((part) => (typeof part === 'number' ? part : String(part).slice(0, 63))).join('.') ?? '';
}
