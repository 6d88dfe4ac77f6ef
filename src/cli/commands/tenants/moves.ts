import type { Command } from 'commander';
import type { DataSource, EntityManager } from 'typeorm';
import { OperationRecords } from '../../../admin/operations/operation-records.js';
import { newMove, type NewMove } from '../../../admin/moves/move.schemas.js';
import { Moves } from '../../../admin/moves/moves.js';
import { MovePreview } from '../../../admin/moves/preview/move-preview.js';
import { TenantRecords } from '../../../admin/tenants/tenant-records.js';
import { CATALOG } from '../../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../../catalog/entities/operation.entity.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { noteRequested, runToCompletion } from '../../session/run-to-completion.js';
import { DryRunFailedError } from '../../terminal/cli.errors.js';
import { describeMovePreview } from '../../terminal/describe-move-preview.js';
import { describeTenant } from '../../terminal/describe-tenant.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants move hooli --isolation database
  $ npm run tenantry -- tenants move hooli --server eu-2
  $ npm run tenantry -- tenants move hooli --server eu-2 --dry-run
  $ npm run tenantry -- tenants move-back hooli     # until it is finished, and also a restore
  $ npm run tenantry -- tenants move-finish hooli   # removes what it has left at its former place`;

interface MoveOptions {
  readonly isolation?: string;
  readonly server?: string;
  readonly fast?: boolean;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

/** `tenants move …`, `tenants move-back`, `tenants move-finish` */
export function defineMoves(command: Command, { run }: CommandRunners): void {
  command
    .command('move <slug>')
    .description('move a tenant to another isolation or server, while it works')
    .option('--isolation <isolation>', 'row, schema or database (default: as it is)')
    .option('--server <name>', 'server of the new place (default: where it is)')
    .option('--fast', 'copy at full speed; other tenants of the servers will notice')
    .option('--dry-run', 'print what it would do without changing anything; exit code 1 if it would fail')
    .option('--no-wait', 'only queue the operation: a running server moves the tenant')
    .addHelpText('after', EXAMPLES)
    .action((slug, options) => run((context) => move(context, slug, options)));

  command
    .command('move-back <slug>')
    .description('take a move back that is not finished, with what has changed since; or a restore, without that')
    .option('--no-wait', 'only queue the operation: a running server moves the tenant')
    .action((slug, options) => run((context) => moveBack(context, slug, options)));

  command
    .command('move-finish <slug>')
    .description('finish a move or a restore: remove what the tenant has left at its former place')
    .option('--no-wait', 'only queue the operation: a running server removes it')
    .action((slug, options) => run((context) => finish(context, slug, options)));
}

async function move(context: CommandContext, slug: string, options: MoveOptions): Promise<void> {
  const { isolation, server, fast, dryRun, wait } = options;
  const body = parseOrThrow(newMove, { isolation, server, ...(fast && { pace: 'full' }) });
  if (dryRun) return printPreview(context, slug, body);
  return request(context, slug, wait, (moves, catalog) => moves.move(catalog, slug, body, context.actor));
}

/** @throws DryRunFailedError */
async function printPreview({ session, output }: CommandContext, slug: string, body: NewMove): Promise<void> {
  const preview = await session.get(MovePreview).preview(slug, body);
  output.print(preview, () => describeMovePreview(preview, output));
  if (preview.obstacles.length > 0) throw new DryRunFailedError('move', preview.obstacles);
}

function moveBack(context: CommandContext, slug: string, { wait }: Pick<MoveOptions, 'wait'>): Promise<void> {
  return request(context, slug, wait, (moves, catalog) => moves.moveBack(catalog, slug, context.actor));
}

function finish(context: CommandContext, slug: string, { wait }: Pick<MoveOptions, 'wait'>): Promise<void> {
  return request(context, slug, wait, (moves, catalog) => moves.finish(catalog, slug, context.actor));
}

async function request(
  context: CommandContext,
  slug: string,
  wait: boolean,
  create: (moves: Moves, catalog: EntityManager) => Promise<OperationEntity>,
): Promise<void> {
  const { session, output } = context;
  const { id } = await session.get<DataSource>(CATALOG).transaction((catalog) => create(session.get(Moves), catalog));
  const printResult = async (): Promise<void> => {
    const [tenant, operation] = await Promise.all([
      session.get(TenantRecords).read(slug),
      session.get(OperationRecords).read(id),
    ]);
    output.print({ tenant, operation }, () => describeTenant(tenant));
    const { dropped } = (operation.result ?? {}) as { dropped?: string };
    if (dropped !== undefined) output.note(`Dropped: ${dropped}`);
  };
  await runToCompletion(context, id, { wait, printResult });
  if (!wait) noteRequested(context, id);
}
