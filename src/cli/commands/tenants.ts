import type { Command } from 'commander';
import { Idempotency } from '../../admin/idempotency/idempotency.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { toOperationView } from '../../admin/operations/operation.schemas.js';
import { TenantLifecycle } from '../../admin/tenants/tenant-lifecycle.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import {
  deletion,
  maintenance,
  newTenant,
  tenantChange,
  tenantFilter,
  type TenantFilter,
  type TenantPage,
  type TenantView,
} from '../../admin/tenants/tenant.schemas.js';
import { TENANTS_PATH } from '../../admin/tenants/tenants-path.js';
import { Tenants } from '../../admin/tenants/tenants.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { idempotencyKeyShape } from '../session/idempotency-key.js';
import { noteAsked, runToCompletion } from '../session/run-to-completion.js';
import { confirm } from '../terminal/confirm.js';
import { describeTenant } from '../terminal/describe-tenant.js';
import { repeated, seconds, wholeNumber } from '../terminal/values.js';

const GROUP_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants --status active --server eu-2
  $ npm run tenantry -- tenants create hooli --isolation schema --domain shop.hooli.com
  $ npm run tenantry -- tenants maintenance hooli --message "back at 14:00 UTC"
  $ npm run tenantry -- tenants delete hooli --grace 7d`;

const CREATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants create hooli --isolation row
  $ npm run tenantry -- tenants create hooli --isolation database --server eu-2 --max-concurrent 5
  $ npm run tenantry -- tenants create hooli --isolation schema --idempotency-key signup-4711 --no-wait`;

const DELETE_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants delete hooli                   # its data goes after 7 days
  $ npm run tenantry -- tenants restore hooli                  # until then
  $ npm run tenantry -- tenants delete hooli --grace 0 --yes   # its data goes now`;

/** `tenants …` */
export function defineTenants(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', GROUP_EXAMPLES);

  command
    .command('list', { isDefault: true })
    .description('a table of tenants; what a bare "tenants" does')
    .option('--status <status>', 'provisioning, active, suspended, maintenance, moving, deleting or failed')
    .option('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'those on this server')
    .option('--search <text>', 'those with this in their slug')
    .option('--limit <n>', 'how many (default: 100)')
    .option('--cursor <cursor>', 'go on behind another page')
    .option('--all', 'all pages')
    .action((options) => run((context) => list(context, options)));

  command
    .command('create <slug>')
    .description('create a tenant, and see its provisioning through')
    .requiredOption('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'the server it shall live on (default: the one of the catalog)')
    .option('--domain <name>', 'a host name of its own; may be repeated', repeated)
    .option('--max-concurrent <n>', 'statements that it may run at once', wholeNumber)
    .option('--max-queued <n>', 'statements that may wait', wholeNumber)
    .option('--idempotency-key <key>', 'sent again with the same key, it creates nothing more')
    .option('--no-wait', 'only ask for it: a running server provisions it')
    .addHelpText('after', CREATE_EXAMPLES)
    .action((slug, options) => run((context) => create(context, slug, options)));

  command
    .command('show <slug>')
    .description('everything about a tenant, by slug or id')
    .action((slug) => run((context) => show(context, slug)));

  command
    .command('set <slug>')
    .description('change its limits or domains')
    .option('--domain <name>', 'a host name of its own, instead of those it has; may be repeated', repeated)
    .option('--no-domains', 'take all host names away')
    .option('--max-concurrent <n>', 'statements that it may run at once', wholeNumber)
    .option('--max-queued <n>', 'statements that may wait', wholeNumber)
    .option('--default-limits', 'take limits of its own away')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run tenantry -- tenants set hooli --max-concurrent 5 --domain shop.hooli.com',
    )
    .action((slug, options) => run((context) => set(context, slug, options)));

  command
    .command('suspend <slug>')
    .description('end its service at once, everywhere')
    .action((slug) => run((context) => suspend(context, slug)));

  command
    .command('resume <slug>')
    .description('end a suspension')
    .action((slug) => run((context) => resume(context, slug)));

  command
    .command('maintenance <slug>')
    .description('ask its callers to come back later')
    .option('--message <text>', 'shown to callers meanwhile')
    .action((slug, options) => run((context) => beginMaintenance(context, slug, options)));

  command
    .command('maintenance-end <slug>')
    .description('serve it again')
    .action((slug) => run((context) => endMaintenance(context, slug)));

  command
    .command('delete <slug>')
    .description('end its service at once, and remove its data after a while')
    .option('--grace <time>', 'until its data is removed: 7d, 12h, 3600s, 0 (default: 7d)', seconds)
    .option('--yes', 'do not ask')
    .option('--no-wait', 'with --grace 0: only ask for it; a running server removes the data')
    .addHelpText('after', DELETE_EXAMPLES)
    .action((slug, options) => run((context) => remove(context, slug, options)));

  command
    .command('restore <slug>')
    .description('undo a deletion that has not begun to remove data')
    .action((slug) => run((context) => restore(context, slug)));
}

interface ListOptions {
  readonly all?: boolean;
  readonly limit?: string;
  readonly [filter: string]: string | boolean | undefined;
}

interface LimitOptions {
  readonly maxConcurrent?: number;
  readonly maxQueued?: number;
}

interface CreateOptions extends LimitOptions {
  readonly isolation: string;
  readonly server?: string;
  readonly domain?: readonly string[];
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

interface SetOptions extends LimitOptions {
  readonly domain?: readonly string[];
  /** False with `--no-domains`. */
  readonly domains: boolean;
  readonly defaultLimits?: boolean;
}

interface DeleteOptions {
  readonly grace?: number;
  readonly yes?: boolean;
  readonly wait: boolean;
}

const LARGEST_PAGE = 1000;

const COLUMNS = [
  { title: 'SLUG', of: (tenant: TenantView) => tenant.slug },
  { title: 'STATUS', of: (tenant: TenantView) => tenant.status },
  { title: 'ISOLATION', of: (tenant: TenantView) => tenant.isolation },
  { title: 'SERVER', of: (tenant: TenantView) => tenant.server },
  { title: 'DATABASE', of: (tenant: TenantView) => tenant.database },
  { title: 'SCHEMA', of: (tenant: TenantView) => tenant.schema },
  { title: 'MIGRATED TO', of: (tenant: TenantView) => tenant.schemaVersion },
];

async function list(context: CommandContext, { all = false, ...asked }: ListOptions): Promise<void> {
  const { output, session } = context;
  const records = session.get(TenantRecords);
  const filter = parseOrThrow(tenantFilter, all ? { limit: LARGEST_PAGE, ...asked } : asked);
  const page = all ? await wholeList(records, filter) : await records.list(filter);
  output.answer(page, () => output.table(page.items, COLUMNS, 'no tenants'));
  if (page.nextCursor !== null) output.note(`There are more: --cursor ${page.nextCursor}, or --all`);
}

async function wholeList(records: TenantRecords, filter: TenantFilter): Promise<TenantPage> {
  const items: TenantView[] = [];
  for (let cursor = filter.cursor; ;) {
    const page = await records.list({ ...filter, cursor });
    items.push(...page.items);
    if (page.nextCursor === null) return { items, nextCursor: null };
    cursor = page.nextCursor;
  }
}

async function create(context: CommandContext, slug: string, options: CreateOptions): Promise<void> {
  const { session, actor } = context;
  const { isolation, server, domain, idempotencyKey, wait } = options;
  const body = parseOrThrow(newTenant, { slug, isolation, server, limits: limitsOf(options), domains: domain });
  // Named as over REST, so that a key stands for one request whichever way it comes.
  const request = { key: parseOrThrow(idempotencyKeyShape, idempotencyKey), action: `POST ${TENANTS_PATH}`, body };
  const created = await session.get(Idempotency).once(request, async (catalog) => {
    const { tenant, operation } = await session.get(Tenants).create(catalog, body, actor);
    return { tenant, operation: toOperationView(operation) };
  });
  const answer = async (): Promise<void> => {
    const [tenant, operation] = await Promise.all([
      session.get(TenantRecords).read(created.tenant.id),
      session.get(OperationRecords).read(created.operation.id),
    ]);
    context.output.answer({ tenant, operation }, () => describeTenant(tenant));
  };
  await runToCompletion(context, created.operation.id, { wait, answer });
  if (!wait) noteAsked(context, created.operation.id);
}

async function show({ output, session }: CommandContext, slug: string): Promise<void> {
  const tenant = await session.get(TenantRecords).read(slug);
  output.answer(tenant, () => describeTenant(tenant));
}

async function set({ output, session, actor }: CommandContext, slug: string, options: SetOptions): Promise<void> {
  const domains = options.domains ? options.domain : [];
  const given = limitsOf(options);
  const hasLimits = options.defaultLimits === true || Object.keys(given).length > 0;
  const earlier = options.defaultLimits ? {} : (await session.get(TenantRecords).read(slug)).limits;
  const change = parseOrThrow(tenantChange, {
    ...(domains && { domains }),
    ...(hasLimits && { limits: { ...earlier, ...given } }),
  });
  const tenant = await session.catalog.transaction((catalog) =>
    session.get(Tenants).change(catalog, slug, change, actor),
  );
  output.answer(tenant, () => describeTenant(tenant));
}

function limitsOf({ maxConcurrent, maxQueued }: LimitOptions): object {
  return {
    ...(maxConcurrent !== undefined && { maxConcurrentStatements: maxConcurrent }),
    ...(maxQueued !== undefined && { maxQueuedStatements: maxQueued }),
  };
}

async function suspend(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).suspend(slug, context.actor));
}

async function resume(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).resume(slug, context.actor));
}

async function beginMaintenance(
  context: CommandContext,
  slug: string,
  options: { readonly message?: string },
): Promise<void> {
  const asked = parseOrThrow(maintenance, options);
  told(context, await context.session.get(TenantLifecycle).beginMaintenance(slug, asked, context.actor));
}

async function endMaintenance(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).endMaintenance(slug, context.actor));
}

async function remove(context: CommandContext, slug: string, options: DeleteOptions): Promise<void> {
  const { session, actor, output, terminal } = context;
  const asked = parseOrThrow(deletion, { graceSeconds: options.grace });
  const tenant = await session.get(TenantRecords).read(slug);
  if (!options.yes)
    await confirm(terminal, `This ends the service of ${tenant.slug} and removes its data.`, tenant.slug);
  const { id } = await session.get(TenantLifecycle).delete(tenant.id, asked, actor);
  const answer = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const isDone = operation.status === 'succeeded';
    output.answer(operation, () => [
      isDone
        ? `${tenant.slug} is removed`
        : `${tenant.slug} is not served any more; its data is removed from ${operation.runAfter} on (operation ${id})`,
      ...(isDone || asked.graceSeconds === 0 ? [] : [`Until then: tenants restore ${tenant.slug}`]),
    ]);
  };
  await runToCompletion(context, id, { wait: options.wait && asked.graceSeconds === 0, answer });
}

async function restore(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).restore(slug, context.actor));
}

function told({ output }: CommandContext, tenant: TenantView): void {
  output.answer(tenant, () => [`${tenant.slug} is ${tenant.status}`]);
}
