import type { Command } from 'commander';
import type { DataSource } from 'typeorm';
import { BackupDrills } from '../../admin/backups/backup-drills.js';
import { BackupRecords } from '../../admin/backups/backup-records.js';
import { backupFilter, type BackupView, newBackup, newRestore } from '../../admin/backups/backup.schemas.js';
import { BackupRestores } from '../../admin/backups/backup-restores.js';
import { Backups } from '../../admin/backups/backups.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { isUuid } from '../../platform/uuid.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { noteRequested, runToCompletion } from '../session/run-to-completion.js';
import { describeTenant } from '../terminal/describe-tenant.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- backups
  $ npm run tenantry -- backups hooli
  $ npm run tenantry -- backups create hooli
  $ npm run tenantry -- backups drill hooli                                # the newest one
  $ npm run tenantry -- backups restore 0d8d5b30-…                         # over the tenant, see below
  $ npm run tenantry -- backups restore 0d8d5b30-… --as hooli-yesterday    # as another tenant`;

const RESTORE_HELP = `
Without --as, the tenant that was backed up gets the rows of the backup, in another schema or database, while it works; its writes
wait for a moment while it is switched there. What was written since the backup stays at the former place:
  $ npm run tenantry -- tenants move-back hooli     # brings it back, and drops what was written since the restore
  $ npm run tenantry -- tenants move-finish hooli   # removes it`;

/** `backups`, `backups create`, `backups drill`, `backups restore` */
export function defineBackups(command: Command, { run }: CommandRunners): void {
  command
    .argument('[tenant]', 'slug or id of a tenant; of a deleted one, its id')
    .option('--limit <n>', 'page size (default: 20)')
    .option('--cursor <cursor>', 'continue from the cursor of a previous page')
    .addHelpText('after', EXAMPLES)
    .action((tenant, options) => run((context) => list(context, { ...options, tenant })));

  command
    .command('create <tenant>')
    .description('write a backup of a tenant to BACKUP_URL, and read it back')
    .option('--no-wait', 'only queue the operation: a running server makes the backup')
    .action((tenant, options) => run((context) => create(context, tenant, options)));

  command
    .command('drill <backup>')
    .description(
      "try a backup out, by its id or its tenant's slug (the newest one): restore it, compare, and drop it again",
    )
    .option('--no-wait', 'only queue the operation: a running server tries it out')
    .action((backup, options) => run((context) => drill(context, backup, options)));

  command
    .command('restore <id>')
    .description(
      'restore a backup over the tenant that was backed up, so that it can be taken back, or as another tenant',
    )
    .option('--as <slug>', 'slug of a new tenant (default: the rows go to the tenant that was backed up)')
    .option(
      '--isolation <isolation>',
      'row, schema or database (default: that of the tenant; a tenant of shared tables that gets the rows itself: schema)',
    )
    .option('--server <name>', 'server of the rows (default: that of the tenant that was backed up)')
    .option('--no-wait', 'only queue the operation: a running server restores the backup')
    .addHelpText('after', RESTORE_HELP)
    .action((id, options) => run((context) => restore(context, id, options)));
}

const COLUMNS = [
  { title: 'ID', value: ({ id }: BackupView) => id },
  { title: 'TENANT', value: ({ tenant, tenantId }: BackupView) => tenant ?? tenantId },
  { title: 'STATE', value: ({ state }: BackupView) => state },
  { title: 'TAKEN', value: ({ takenAt }: BackupView) => takenAt },
  { title: 'ROWS', value: ({ rows }: BackupView) => rows },
  { title: 'BYTES', value: ({ bytes }: BackupView) => bytes },
  { title: 'VERIFIED', value: ({ verifiedAt }: BackupView) => verifiedAt },
  { title: 'EXPIRES', value: ({ expiresAt }: BackupView) => expiresAt },
];

async function list({ output, session }: CommandContext, options: object): Promise<void> {
  const page = await session.get(BackupRecords).list(parseOrThrow(backupFilter, options));
  output.print(page, () => output.table(page.items, COLUMNS, 'no backups'));
  if (page.nextCursor !== null) output.note(`More results: --cursor ${page.nextCursor}`);
}

async function create(context: CommandContext, name: string, { wait }: { readonly wait: boolean }): Promise<void> {
  const { session, output } = context;
  const { tenant } = parseOrThrow(newBackup, { tenant: name });
  const { id } = await session
    .get<DataSource>(CATALOG)
    .transaction((catalog) => session.get(Backups).request(catalog, tenant, context.actor));
  const printResult = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const { backup = '', rows = 0, bytes = 0 } = (operation.result ?? {}) as Record<string, string | number>;
    output.print({ operation }, () => [`Backup ${backup}: ${rows} rows, ${bytes} bytes, read back`]);
  };
  await runToCompletion(context, id, { wait, printResult });
  if (!wait) noteRequested(context, id);
}

async function drill(context: CommandContext, name: string, { wait }: { readonly wait: boolean }): Promise<void> {
  const { session, output, actor } = context;
  const { tenant } = parseOrThrow(newBackup, { tenant: name });
  const drills = session.get(BackupDrills);
  const { id } = await (isUuid(tenant) ? drills.request(tenant, actor) : drills.requestNewest(tenant, actor));
  const printResult = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const { backup = '', rows = 0, tables = 0 } = (operation.result ?? {}) as Record<string, string | number>;
    output.print({ operation }, () => [
      `Backup ${backup}: ${rows} rows of ${tables} tables restored, compared and dropped`,
    ]);
  };
  await runToCompletion(context, id, { wait, printResult });
  if (!wait) noteRequested(context, id);
}

async function restore(
  context: CommandContext,
  backup: string,
  { wait, ...options }: { readonly wait: boolean },
): Promise<void> {
  const { session, output, actor } = context;
  const body = parseOrThrow(newRestore, options);
  if (!isUuid(backup)) throw new NotFoundError('backup');
  const { id, tenantId } = await session.get(BackupRestores).request(backup, body, actor);
  const printResult = async (): Promise<void> => {
    const [tenant, operation] = await Promise.all([
      session.get(TenantRecords).read(tenantId ?? ''),
      session.get(OperationRecords).read(id),
    ]);
    output.print({ tenant, operation }, () => describeTenant(tenant));
    const { notes = [] } = (operation.result ?? {}) as { notes?: readonly string[] };
    for (const note of notes) output.note(note);
  };
  await runToCompletion(context, id, { wait, printResult });
  if (!wait) noteRequested(context, id);
}
