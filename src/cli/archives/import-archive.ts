import { Imports } from '../../admin/archives/imports.js';
import { ArchiveSources } from '../../admin/archives/archive-sources.js';
import type { ArchiveSource } from '../../admin/archives/archive.schemas.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import { newTenant } from '../../admin/tenants/tenant.schemas.js';
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
 * goes on with it.
 */
export async function importArchive(
  context: CommandContext,
  file: string,
  options: ImportArchiveOptions,
): Promise<void> {
  const { session, output, actor, signal } = context;
  const source: ArchiveSource = { kind: 'file', sha256: await hashFile(file, signal) };
  const key = await keyOf(context, options);
  session.get(ArchiveSources).offerFile(source.sha256, { read: () => readFile(file), key });
  const imports = session.get(Imports);
  imports.assertRunnable();
  const manifest = await imports.verify(source, signal);
  const { as: slug, isolation = manifest.tenant.isolation, server } = options;
  const body = parseOrThrow(newTenant, { slug, isolation, server });
  const { id } = await imports.requestOrResume(body, source, manifest, actor);
  const printResult = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const isThere = operation.status === 'succeeded';
    const tenant = isThere ? await session.get(TenantRecords).read(slug) : undefined;
    output.print({ tenant, operation }, () => (tenant ? describeTenant(tenant) : []));
  };
  await runToCompletion(context, id, { wait: true, printResult });
}
