import { z } from 'zod';

/** Where an operation finds an archive. */
export const archiveSource = z.discriminatedUnion('kind', [
  /** A file that one process has, which offers it under the hash of its content. */
  z.strictObject({ kind: z.literal('file'), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** A tenant's backup, which every instance with BACKUP_URL can read. */
  z.strictObject({ kind: z.literal('backup'), id: z.guid() }),
  /** An object of the store, which every instance with BACKUP_URL can read; another one under the same key is refused. */
  z.strictObject({ kind: z.literal('object'), key: z.string(), takenAt: z.iso.datetime() }),
]);
export type ArchiveSource = z.infer<typeof archiveSource>;
