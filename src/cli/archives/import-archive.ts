import { Imports } from '../../admin/archives/imports.js';
import { ArchiveSources } from '../../admin/archives/archive-sources.js';
import type { ArchiveSource } from '../../admin/archives/archive.schemas.js';
import { ArchiveStore } from '../../admin/stored-archives/archive-store.js';
import { StoredImports } from '../../admin/stored-archives/stored-imports.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import { newTenant } from '../../admin/tenants/tenant.schemas.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { UsageError } from '../terminal/cli.errors.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { hashFile, readFile } from './archive-file.js';
import { keyOf, type KeyOptions } from './archive-secrets.js';
import type { CommandContext } from '../session/command-context.js';
import { runToCompletion } from '../session/run-to-completion.js';
import { describeTenant } from '../terminal/describe-tenant.js';

export interface ImportArchiveOptions extends KeyOptions {
  readonly as: string;
  readonly isolation?: string;
  readonly server?: string;
}

/**
 * `tenants import <file> --as <slug>`. Only this process has the file, so it runs the operation; after a crash, the same command
 * goes on with it. Where new tenants need hooks of the application, the file goes into the store, and an instance runs it.
 */
export async function importArchive(
  context: CommandContext,
  file: string,
  options: ImportArchiveOptions,
): Promise<void> {
  const { session, output, actor, signal } = context;
  const source = { kind: 'file', sha256: await hashFile(file, signal) } as const;
  const key = await keyOf(context, options);
  session.get(ArchiveSources).offerFile(source.sha256, { read: () => readFile(file), key });
  const imports = session.get(Imports);
  const isStored = imports.missingHooks.length > 0;
  if (isStored) assertForInstances(context, options);
  const manifest = await imports.verify(source, signal);
  const { as: slug, isolation = manifest.tenant.isolation, server } = options;
  const body = parseOrThrow(newTenant, { slug, isolation, server });
  const run = async (from: ArchiveSource): Promise<void> => {
    const { id } = await imports.requestOrResume(body, from, manifest, actor);
    await runToCompletion(context, id, { wait: true, printResult: () => printResult(id) });
  };
  const printResult = async (id: string): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const isThere = operation.status === 'succeeded';
    const tenant = isThere ? await session.get(TenantRecords).read(slug) : undefined;
    output.print({ tenant, operation }, () => (tenant ? describeTenant(tenant) : []));
  };
  if (!isStored) return run(source);
  const { takenAt } = manifest;
  await session
    .get(StoredImports)
    .withUploaded(
      { sha256: source.sha256, slug, read: () => readFile(file) },
      (objectKey) => run({ kind: 'object', key: objectKey, takenAt }),
      signal,
    );
}

/** @throws ConflictError, UsageError when no instance could open the file */
function assertForInstances({ session }: CommandContext, { passphraseStdin, identityFile }: KeyOptions): void {
  const missing = session.get(Imports).missingHooks.join(', ');
  if (!session.get(ArchiveStore).isConfigured) {
    throw new ConflictError(
      `new tenants need hooks of the application, which only an instance of it can call (${missing}): set BACKUP_URL, ` +
        'through which this command passes the file on, or request POST /admin/v1/tenants/import',
    );
  }
  if (passphraseStdin === true || identityFile !== undefined) {
    throw new UsageError(
      `an instance of the application must import it, for its hooks (${missing}): export it for "archives recipient"`,
    );
  }
}
