import type { Command } from 'commander';
import { z } from 'zod';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import {
  operationFilter,
  operationHookFilter,
  type OperationHookView,
  operationTenantFilter,
  type OperationTenantView,
  type OperationView,
  toOperationView,
} from '../../admin/operations/operation.schemas.js';
import { Operations } from '../../operations/operations.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { noteRequested, runToCompletion, runAndReport } from '../session/run-to-completion.js';
import { currentStep, describeOperation, stepCount } from '../terminal/describe-operation.js';

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
    .description('list operations, newest first (default)')
    .option('--status <status>', 'pending, running, succeeded, failed or cancelled')
    .option('--kind <kind>', 'provision, migrate, delete, rotate-credentials, reseal')
    .option('--tenant <slug>', 'only operations on this tenant; a deleted one by its id')
    .option('--limit <n>', 'page size (default: 20)')
    .option('--cursor <cursor>', 'continue from the cursor of a previous page')
    .action((options) => run((context) => list(context, options)));
  command
    .command('show <id>')
    .description('show one operation, with the result of each tenant if it covers several')
    .option('--failed', 'only tenants for which it failed')
    .action((id, options) => run((context) => show(context, id, options)));
  command
    .command('follow <id>')
    .description('show progress until it has ended, and execute it if no instance does')
    .action((id) => run((context) => follow(context, id), { redis: true }));
  command
    .command('cancel <id>')
    .description('cancel it: immediately if pending, otherwise after the current step')
    .action((id) => run((context) => cancel(context, id)));
  command
    .command('retry <id>')
    .description('resume a failed or cancelled operation after its last finished step')
    .option('--no-wait', 'only queue the operation: a running server executes it')
    .action((id, options) => run((context) => retry(context, id, options), { redis: true }));
}

const COLUMNS = [
  { title: 'ID', value: (operation: OperationView) => operation.id },
  { title: 'KIND', value: (operation: OperationView) => operation.kind },
  { title: 'SUBJECT', value: (operation: OperationView) => operation.subject },
  { title: 'STATUS', value: (operation: OperationView) => operation.status },
  { title: 'STEPS', value: (operation: OperationView) => stepCount(operation) },
  { title: 'STEP', value: (operation: OperationView) => currentStep(operation) },
  { title: 'CREATED', value: (operation: OperationView) => operation.createdAt },
  { title: 'BY', value: (operation: OperationView) => operation.createdBy },
];

const TENANT_COLUMNS = [
  { title: 'TENANT', value: (tenant: OperationTenantView) => tenant.slug },
  { title: 'STATUS', value: (tenant: OperationTenantView) => tenant.status },
  { title: 'FROM', value: (tenant: OperationTenantView) => tenant.fromVersion },
  { title: 'TO', value: (tenant: OperationTenantView) => tenant.toVersion },
  { title: 'MS', value: (tenant: OperationTenantView) => tenant.durationMs },
  { title: 'ERROR', value: (tenant: OperationTenantView) => tenant.error?.message },
];

const HOOK_COLUMNS = [
  { title: 'HOOK', value: ({ event, hook }: OperationHookView) => `${event}:${hook}` },
  { title: 'TENANT', value: ({ tenantId }: OperationHookView) => tenantId },
  { title: 'STATUS', value: ({ status }: OperationHookView) => status },
  { title: 'ATTEMPTS', value: ({ attempts }: OperationHookView) => attempts },
  { title: 'MS', value: ({ durationMs }: OperationHookView) => durationMs },
  { title: 'ERROR', value: ({ error }: OperationHookView) => error?.message },
];

const operationId = z.guid('an operation id is a UUID');
const MAX_TENANTS = 1000;
const MAX_HOOKS = 100;

async function list({ output, session }: CommandContext, options: object): Promise<void> {
  const page = await session.get(OperationRecords).list(parseOrThrow(operationFilter, options));
  output.print(page, () => output.table(page.items, COLUMNS, 'no operations'));
  if (page.nextCursor !== null) output.note(`More results: --cursor ${page.nextCursor}`);
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
  const hookFilter = parseOrThrow(operationHookFilter, { limit: MAX_HOOKS, ...(failed && { status: 'failed' }) });
  const hooks = await records.listHooks(id, hookFilter);
  output.print({ ...operation, tenants, hooks }, () => [
    ...describeOperation(operation),
    ...(tenants.items.length > 0 ? ['', ...output.table(tenants.items, TENANT_COLUMNS, '')] : []),
    ...(hooks.items.length > 0 ? ['', ...output.table(hooks.items, HOOK_COLUMNS, '')] : []),
  ]);
  if (tenants.nextCursor !== null) output.note(`Only the first ${MAX_TENANTS} tenants are shown.`);
  if (hooks.nextCursor !== null) output.note(`Only the first ${MAX_HOOKS} results of hooks are shown.`);
}

async function follow(context: CommandContext, text: string): Promise<void> {
  const { output, session } = context;
  const id = parseOrThrow(operationId, text);
  const { status, createdAt, runAfter } = await session.get(OperationRecords).read(id); // an unknown id fails before anything is printed
  if (status === 'pending' && runAfter > createdAt) output.note(`It will not start before ${runAfter}.`);
  if (output.json) return runAndReport(context, id, (operation) => output.printDocument(operation));
  await runToCompletion(context, id, { wait: true, printResult: () => printOperation(context, id) });
}

async function cancel({ output, session, actor }: CommandContext, text: string): Promise<void> {
  const operation = toOperationView(await session.get(Operations).cancel(parseOrThrow(operationId, text), actor));
  output.print(operation, () => [
    operation.status === 'cancelled'
      ? `${operation.id} is cancelled`
      : `${operation.id} will be cancelled after its current step`,
  ]);
}

async function retry(context: CommandContext, text: string, { wait }: { readonly wait: boolean }): Promise<void> {
  const { id } = await context.session.get(Operations).retry(parseOrThrow(operationId, text), context.actor);
  await runToCompletion(context, id, { wait, printResult: () => printOperation(context, id) });
  if (!wait) noteRequested(context, id);
}

async function printOperation({ output, session }: CommandContext, id: string): Promise<void> {
  const operation = await session.get(OperationRecords).read(id);
  output.print(operation, () => describeOperation(operation));
}
