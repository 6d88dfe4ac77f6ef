import type { Command } from 'commander';
import { z } from 'zod';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import {
  operationFilter,
  operationTenantFilter,
  type OperationTenantView,
  type OperationView,
  toOperationView,
} from '../../admin/operations/operation.schemas.js';
import { Operations } from '../../operations/operations.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { noteAsked, runToCompletion, workOn } from '../session/run-to-completion.js';
import { describeOperation, doneOf, stepOf } from '../terminal/describe-operation.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- operations --status failed
  $ npm run tenantry -- operations show 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10 --failed
  $ npm run tenantry -- operations follow 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10 --json
  $ npm run tenantry -- operations retry 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10`;

/** `operations …` */
export function defineOperations(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('newest first; what a bare "operations" does')
    .option('--status <status>', 'pending, running, succeeded, failed or cancelled')
    .option('--kind <kind>', 'provision, migrate, delete, rotate-credentials, reseal')
    .option('--tenant <slug>', 'those on this tenant, also when it is gone')
    .option('--limit <n>', 'how many (default: 20)')
    .option('--cursor <cursor>', 'go on behind another page')
    .action((options) => run((context) => list(context, options)));
  command
    .command('show <id>')
    .description('one operation, and how it ended for each tenant when it is over many')
    .option('--failed', 'only tenants that it failed for')
    .action((id, options) => run((context) => show(context, id, options)));
  command
    .command('follow <id>')
    .description('show how far it is until it has ended, and work on it when no instance does')
    .action((id) => run((context) => follow(context, id), { redis: true }));
  command
    .command('cancel <id>')
    .description('end it: at once when nobody has begun it, else after the part in hand')
    .action((id) => run((context) => cancel(context, id)));
  command
    .command('retry <id>')
    .description('let one that failed or was cancelled go on from its last finished step')
    .option('--no-wait', 'only ask for it: a running server does it')
    .action((id, options) => run((context) => retry(context, id, options), { redis: true }));
}

const COLUMNS = [
  { title: 'ID', of: (operation: OperationView) => operation.id },
  { title: 'KIND', of: (operation: OperationView) => operation.kind },
  { title: 'SUBJECT', of: (operation: OperationView) => operation.subject },
  { title: 'STATUS', of: (operation: OperationView) => operation.status },
  { title: 'STEPS', of: (operation: OperationView) => doneOf(operation) },
  { title: 'STEP', of: (operation: OperationView) => stepOf(operation) },
  { title: 'CREATED', of: (operation: OperationView) => operation.createdAt },
  { title: 'BY', of: (operation: OperationView) => operation.createdBy },
];

const TENANT_COLUMNS = [
  { title: 'TENANT', of: (tenant: OperationTenantView) => tenant.slug },
  { title: 'STATUS', of: (tenant: OperationTenantView) => tenant.status },
  { title: 'FROM', of: (tenant: OperationTenantView) => tenant.fromVersion },
  { title: 'TO', of: (tenant: OperationTenantView) => tenant.toVersion },
  { title: 'MS', of: (tenant: OperationTenantView) => tenant.durationMs },
  { title: 'ERROR', of: (tenant: OperationTenantView) => tenant.error?.message },
];

const operationId = z.guid('an operation is named by its id, a UUID');
const MAX_TENANTS = 1000;

async function list({ output, session }: CommandContext, options: object): Promise<void> {
  const page = await session.get(OperationRecords).list(parseOrThrow(operationFilter, options));
  output.answer(page, () => output.table(page.items, COLUMNS, 'no operations'));
  if (page.nextCursor !== null) output.note(`There are more: --cursor ${page.nextCursor}`);
}

async function show(
  { output, session }: CommandContext,
  text: string,
  { failed = false }: { readonly failed?: boolean },
): Promise<void> {
  const id = parseOrThrow(operationId, text);
  const records = session.get(OperationRecords);
  const operation = await records.read(id);
  const filter = parseOrThrow(operationTenantFilter, { limit: MAX_TENANTS, ...(failed && { status: 'failed' }) });
  const tenants = await records.listTenants(id, filter);
  output.answer({ ...operation, tenants }, () => [
    ...describeOperation(operation),
    ...(tenants.items.length > 0 ? ['', ...output.table(tenants.items, TENANT_COLUMNS, '')] : []),
  ]);
  if (tenants.nextCursor !== null) output.note(`These are the first ${MAX_TENANTS} tenants.`);
}

async function follow(context: CommandContext, text: string): Promise<void> {
  const { output, session } = context;
  const id = parseOrThrow(operationId, text);
  const { runAfter } = await session.get(OperationRecords).read(id); // before anything is promised
  if (new Date(runAfter) > new Date()) output.note(`It does not begin before ${runAfter}.`);
  if (output.json) return workOn(context, id, (operation) => output.document(operation));
  await runToCompletion(context, id, { wait: true, answer: () => told(context, id) });
}

async function cancel({ output, session, actor }: CommandContext, text: string): Promise<void> {
  const operation = toOperationView(await session.get(Operations).cancel(parseOrThrow(operationId, text), actor));
  output.answer(operation, () => [
    operation.status === 'cancelled' ? `${operation.id} is cancelled` : `${operation.id} ends after the part in hand`,
  ]);
}

async function retry(context: CommandContext, text: string, { wait }: { readonly wait: boolean }): Promise<void> {
  const { id } = await context.session.get(Operations).retry(parseOrThrow(operationId, text), context.actor);
  await runToCompletion(context, id, { wait, answer: () => told(context, id) });
  if (!wait) noteAsked(context, id);
}

async function told({ output, session }: CommandContext, id: string): Promise<void> {
  const operation = await session.get(OperationRecords).read(id);
  output.answer(operation, () => describeOperation(operation));
}
