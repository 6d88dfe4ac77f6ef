import type { Command } from 'commander';
import { ArchiveExports } from '../../admin/archives/archive-exports.js';
import { useArchive } from '../../admin/archives/archive-sources.js';
import { InstallationKeys } from '../../admin/archives/installation-keys.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { readThrough } from '../../database/archives/read-through.js';
import { assertNoFile, saveFolder, readFile, saveFile } from '../archives/archive-file.js';
import { keyOf, type KeyOptions, lockOf, type LockOptions, PASSPHRASE_VARIABLE } from '../archives/archive-secrets.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { completeOperation } from '../session/request-operation.js';
import { Exports } from '../../admin/stored-archives/exports.js';
import { newExport } from '../../admin/stored-archives/export.schemas.js';
import { UsageError } from '../terminal/cli.errors.js';
import { repeated } from '../terminal/values.js';

const EXPORT_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants export hooli --to hooli.age                       # for this installation
  $ npm run tenantry -- tenants export hooli --to hooli.age --recipient age1…     # for another one
  $ npm run tenantry -- tenants export hooli --to hooli.age --passphrase-stdin < passphrase
  $ npm run tenantry -- tenants export hooli --to hooli-data --json-lines         # a folder, for a customer
  $ npm run tenantry -- tenants export hooli                                      # into the store of BACKUP_URL

The passphrase can also be in ${PASSPHRASE_VARIABLE}. docs/archive-format.md describes the file.`;

interface ExportOptions extends LockOptions {
  /** Undefined: into the store. */
  readonly to?: string;
  readonly jsonLines?: boolean;
}

/** `tenants export` */
export function defineExport(tenants: Command, { run }: CommandRunners): void {
  tenants
    .command('export <slug>')
    .description("write a tenant's rows to an encrypted file, while it works")
    .option('--to <file>', 'the file, which must not exist; with --json-lines, the folder (default: into BACKUP_URL)')
    .option('--recipient <age1…>', 'who can read it, as "archives recipient" prints it; may be repeated', repeated)
    .option('--passphrase-stdin', 'encrypt it with the passphrase on standard input')
    .option('--json-lines', 'not encrypted: a folder with a file of JSON lines for each table')
    .addHelpText('after', EXPORT_EXAMPLES)
    .action((slug, options) => run((context) => exportTenant(context, slug, options)));
}

/** `archives …` */
export function defineArchives(command: Command, { run }: CommandRunners): void {
  command
    .command('recipient')
    .description('print the recipient for whom another installation exports what this one imports')
    .action(() => run(printRecipient));

  command
    .command('show <file>')
    .description('read an archive to its end, and print what it has')
    .option('--passphrase-stdin', 'the passphrase is on standard input')
    .option('--identity-file <file>', 'a file with an identity, as age-keygen writes it')
    .action((file, options) => run((context) => show(context, file, options)));
}

async function exportTenant(context: CommandContext, slug: string, options: ExportOptions): Promise<void> {
  const { session, output, actor, signal } = context;
  const { to } = options;
  if (to === undefined) return exportToStore(context, slug, options);
  const exports = session.get(ArchiveExports);
  await assertNoFile(to);
  if (options.jsonLines) {
    if (options.recipient || options.passphraseStdin) throw new UsageError('JSON lines are not encrypted');
    const files = await saveFolder(to, (sink) => exports.exportJsonLines(slug, sink, actor, { signal }));
    output.print({ folder: to, files }, () => [`${to}: ${files.join(', ')}`]);
    return;
  }
  const lock = await lockOf(context, options);
  const manifest = await exports.export(slug, lock, (bytes, confirm) => saveFile(to, bytes, confirm), actor, {
    signal,
  });
  output.print({ file: to, manifest }, () => [to, ...describeManifest(manifest)]);
}

/** An operation, which this process runs when it has BACKUP_URL. */
async function exportToStore(context: CommandContext, slug: string, options: ExportOptions): Promise<void> {
  const { session, actor } = context;
  const { recipient: recipients, passphraseStdin, jsonLines } = options;
  if (passphraseStdin || jsonLines) throw new UsageError('--passphrase-stdin and --json-lines need --to');
  const body = parseOrThrow(newExport, { recipients });
  const { id } = await session.catalog.transaction((catalog) =>
    session.get(Exports).request(catalog, slug, body, actor),
  );
  await completeOperation(context, id, true);
}

async function show(context: CommandContext, file: string, options: KeyOptions): Promise<void> {
  const { output, signal } = context;
  const key = await keyOf(context, options);
  const manifest = await useArchive({ read: () => readFile(file), key }, signal, async (archive) => {
    await readThrough(archive, signal);
    return archive.manifest;
  });
  output.print(manifest, () => describeManifest(manifest));
}

async function printRecipient({ session, output }: CommandContext): Promise<void> {
  const recipient = await session.get(InstallationKeys).recipient();
  output.print({ recipient }, () => [recipient]);
}

export function describeManifest({ tenant, takenAt, migrations, tables }: ArchiveManifest): string[] {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    `Tenant:     ${tenant.slug} (${tenant.isolation})`,
    `Taken at:   ${takenAt}`,
    `Tables:     ${tables.length}, at ${migrations.at(-1) ?? 'no migration'}`,
    `Rows:       ${rows}`,
  ];
}
