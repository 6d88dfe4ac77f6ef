import type { Command } from 'commander';
import { Idempotency, idempotencyKeySchema } from '../../../admin/idempotency/idempotency.js';
import { OperationRecords } from '../../../admin/operations/operation-records.js';
import { toOperationView } from '../../../admin/operations/operation.schemas.js';
import { TenantLifecycle } from '../../../admin/tenants/tenant-lifecycle.js';
import { TenantRecords } from '../../../admin/tenants/tenant-records.js';
import {
  deletion,
  maintenance,
  newTenant,
  tenantChange,
  tenantFilter,
  type TenantFilter,
  type TenantPage,
  type TenantView,
} from '../../../admin/tenants/tenant.schemas.js';
import { TENANTS_PATH } from '../../../admin/tenants/tenants-path.js';
import { Tenants } from '../../../admin/tenants/tenants.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import { defineExport } from '../archives.js';
import { defineClone } from './clone-tenant.js';
import { defineCounts } from './count-tenants.js';
import { erasureDocument } from '../../../admin/deprovisioning/erasure-document.js';
import { ErasureReports } from '../../../admin/deprovisioning/erasure-reports.js';
import { defineErasureReport } from './erasure.js';
import { defineImport } from './import-tenants.js';
import { defineImpersonation } from './impersonation.js';
import { defineSettings } from './tenant-settings.js';
import { defineStoredSize } from './stored-size.js';
import { defineMoves } from './moves.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { noteRequested, runToCompletion } from '../../session/run-to-completion.js';
import { confirm } from '../../terminal/confirm.js';
import { describeTenant } from '../../terminal/describe-tenant.js';
import { type LimitOptions, limitsOf, withLimitOptions } from '../../terminal/limit-options.js';
import { label, type LabelsOption } from '../../terminal/label-options.js';
import { printable } from '../../terminal/table.js';
import { repeated, seconds } from '../../terminal/values.js';

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
  $ npm run tenantry -- tenants create hooli --isolation schema --label region=eu --label tier=gold
  $ npm run tenantry -- tenants create hooli --isolation schema --idempotency-key signup-4711 --no-wait`;

const DELETE_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants delete hooli                   # removes its data after 7 days
  $ npm run tenantry -- tenants restore hooli                  # possible until then
  $ npm run tenantry -- tenants delete hooli --grace 0 --yes   # removes its data now`;

/** `tenants …` */
export function defineTenants(command: Command, runners: CommandRunners): void {
  const { run } = runners;
  command.addHelpText('after', GROUP_EXAMPLES);

  command
    .command('list', { isDefault: true })
    .description('list tenants (default)')
    .option('--status <status>', 'provisioning, active, suspended, maintenance, moving, deleting or failed')
    .option('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'only tenants on this server')
    .option('--group <name>', 'only tenants of this group')
    .option('--plan <name>', 'only tenants of this plan')
    .option('--search <text>', 'only tenants whose slug contains this text')
    .option('--limit <n>', 'page size (default: 100)')
    .option('--cursor <cursor>', 'continue from the cursor of a previous page')
    .option('--all', 'print all pages')
    .action((options) => run((context) => list(context, options)));

  defineCounts(command, runners);

  withLimitOptions(command.command('create <slug>'))
    .description('create a tenant and wait until it is provisioned')
    .requiredOption('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'server to place it on (default: the server of the catalog, or one with the labels)')
    .option('--label <key=value>', 'label that its server must have; may be repeated', label)
    .option('--any-server', 'place it on the server with the most room, whatever its labels')
    .option('--plan <name>', 'its plan')
    .option('--domain <name>', 'host name of the tenant; may be repeated', repeated)
    .option('--group <name>', 'group of the tenant, which operators may be limited to; may be repeated', repeated)
    .option('--idempotency-key <key>', 'a repeated request with the same key creates nothing')
    .option('--no-wait', 'only queue the operation: a running server provisions the tenant')
    .addHelpText('after', CREATE_EXAMPLES)
    .action((slug, options) => run((context) => create(context, slug, options)));

  defineClone(command, runners);
  defineImport(command, runners);

  command
    .command('show <slug>')
    .description('show one tenant, by slug or id')
    .action((slug) => run((context) => show(context, slug)));

  withLimitOptions(command.command('set <slug>'))
    .description('change the plan, limits, domains, groups or wanted labels of a tenant')
    .option('--plan <name>', 'its plan')
    .option('--no-plan', 'take it off its plan')
    .option('--domain <name>', 'replace its host names; may be repeated', repeated)
    .option('--no-domains', 'remove all host names')
    .option('--group <name>', 'replace its groups; may be repeated', repeated)
    .option('--no-groups', 'remove it from all groups')
    .option('--label <key=value>', 'replace the labels that its server must have; may be repeated', label)
    .option('--no-labels', 'its server need not have any label')
    .option('--default-limits', 'reset to the default limits')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run tenantry -- tenants set hooli --max-concurrent 5 --domain shop.hooli.com',
    )
    .action((slug, options) => run((context) => set(context, slug, options)));

  command
    .command('suspend <slug>')
    .description('stop serving a tenant, immediately and on all instances')
    .action((slug) => run((context) => suspend(context, slug)));

  command
    .command('resume <slug>')
    .description('serve a suspended tenant again')
    .action((slug) => run((context) => resume(context, slug)));

  command
    .command('maintenance <slug>')
    .description('put a tenant into maintenance: its callers are asked to retry later')
    .option('--message <text>', 'shown to its callers')
    .action((slug, options) => run((context) => beginMaintenance(context, slug, options)));

  command
    .command('maintenance-end <slug>')
    .description('end the maintenance of a tenant')
    .action((slug) => run((context) => endMaintenance(context, slug)));

  defineImpersonation(command, runners);
  defineSettings(command, runners);
  defineStoredSize(command, runners);
  defineMoves(command, runners);
  defineExport(command, runners);

  command
    .command('delete <slug>')
    .description('stop serving a tenant immediately, and remove its data after a grace period')
    .option('--grace <time>', 'time before its data is removed: 7d, 12h, 3600s, 0 (default: 7d)', seconds)
    .option('--yes', 'do not ask for confirmation')
    .option('--no-wait', 'with --grace 0: only queue the operation; a running server removes the data')
    .addHelpText('after', DELETE_EXAMPLES)
    .action((slug, options) => run((context) => remove(context, slug, options), { redis: true }));

  defineErasureReport(command, runners);

  command
    .command('restore <slug>')
    .description('cancel a deletion whose data removal has not started')
    .action((slug) => run((context) => restore(context, slug)));
}

interface ListOptions {
  readonly all?: boolean;
  readonly limit?: string;
  readonly [filter: string]: string | boolean | undefined;
}

interface CreateOptions extends LimitOptions, LabelsOption {
  readonly anyServer?: boolean;
  readonly isolation: string;
  readonly server?: string;
  readonly plan?: string;
  readonly domain?: readonly string[];
  readonly group?: readonly string[];
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

interface SetOptions extends LimitOptions, LabelsOption {
  /** False with `--no-plan`. */
  readonly plan?: string | false;
  readonly domain?: readonly string[];
  /** False with `--no-domains`. */
  readonly domains: boolean;
  readonly group?: readonly string[];
  /** False with `--no-groups`. */
  readonly groups: boolean;
  readonly defaultLimits?: boolean;
}

interface DeleteOptions {
  readonly grace?: number;
  readonly yes?: boolean;
  readonly wait: boolean;
}

const MAX_PAGE_SIZE = 1000;

const COLUMNS = [
  { title: 'SLUG', value: (tenant: TenantView) => tenant.slug },
  { title: 'STATUS', value: (tenant: TenantView) => tenant.status },
  { title: 'ISOLATION', value: (tenant: TenantView) => tenant.isolation },
  { title: 'SERVER', value: (tenant: TenantView) => tenant.server },
  { title: 'DATABASE', value: (tenant: TenantView) => tenant.database },
  { title: 'SCHEMA', value: (tenant: TenantView) => tenant.schema },
  { title: 'MIGRATED TO', value: (tenant: TenantView) => tenant.schemaVersion },
];

async function list(context: CommandContext, { all = false, ...filters }: ListOptions): Promise<void> {
  const { output, session } = context;
  const records = session.get(TenantRecords);
  const filter = parseOrThrow(tenantFilter, all ? { limit: MAX_PAGE_SIZE, ...filters } : filters);
  const page = all ? await listAllPages(records, filter) : await records.list(filter);
  output.print(page, () => output.table(page.items, COLUMNS, 'no tenants'));
  if (page.nextCursor !== null) output.note(`More results: --cursor ${page.nextCursor}, or --all`);
}

async function listAllPages(records: TenantRecords, filter: TenantFilter): Promise<TenantPage> {
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
  const { isolation, server, domain: domains, group: groups, plan, idempotencyKey, wait } = options;
  const placement = options.label ?? (options.anyServer ? {} : undefined);
  const body = parseOrThrow(newTenant, {
    ...{ slug, isolation, server, placement, limits: limitsOf(options), domains, groups, plan },
  });
  // The same action name as over REST, so that an idempotency key stands for one request on either interface.
  const request = { key: parseOrThrow(idempotencyKeySchema, idempotencyKey), action: `POST ${TENANTS_PATH}`, body };
  const created = await session.get(Idempotency).run(request, async (catalog) => {
    const { tenant, operation } = await session.get(Tenants).create(catalog, body, actor);
    return { tenant, operation: toOperationView(operation) };
  });
  const printResult = async (): Promise<void> => {
    const [tenant, operation] = await Promise.all([
      session.get(TenantRecords).read(created.tenant.id),
      session.get(OperationRecords).read(created.operation.id),
    ]);
    context.output.print({ tenant, operation }, () => describeTenant(tenant));
  };
  await runToCompletion(context, created.operation.id, { wait, printResult });
  if (!wait) noteRequested(context, created.operation.id);
}

async function show({ output, session }: CommandContext, slug: string): Promise<void> {
  const tenant = await session.get(TenantRecords).read(slug);
  output.print(tenant, () => describeTenant(tenant));
}

async function set({ output, session, actor }: CommandContext, slug: string, options: SetOptions): Promise<void> {
  const domains = options.domains ? options.domain : [];
  const groups = options.groups ? options.group : [];
  const newLimits = limitsOf(options);
  const changesLimits = options.defaultLimits === true || Object.keys(newLimits).length > 0;
  const currentLimits = options.defaultLimits ? {} : (await session.get(TenantRecords).read(slug)).limits;
  const plan = options.plan === false ? null : options.plan;
  const change = parseOrThrow(tenantChange, {
    ...(plan !== undefined && { plan }),
    ...(domains && { domains }),
    ...(groups && { groups }),
    ...(options.labels === false ? { placement: null } : options.label && { placement: options.label }),
    ...(changesLimits && { limits: { ...currentLimits, ...newLimits } }),
  });
  const tenant = await session.catalog.transaction((catalog) =>
    session.get(Tenants).change(catalog, slug, change, actor),
  );
  output.print(tenant, () => describeTenant(tenant));
}

async function suspend(context: CommandContext, slug: string): Promise<void> {
  printStatus(context, await context.session.get(TenantLifecycle).suspend(slug, context.actor));
}

async function resume(context: CommandContext, slug: string): Promise<void> {
  printStatus(context, await context.session.get(TenantLifecycle).resume(slug, context.actor));
}

async function beginMaintenance(
  context: CommandContext,
  slug: string,
  options: { readonly message?: string },
): Promise<void> {
  const body = parseOrThrow(maintenance, options);
  printStatus(context, await context.session.get(TenantLifecycle).beginMaintenance(slug, body, context.actor));
}

async function endMaintenance(context: CommandContext, slug: string): Promise<void> {
  printStatus(context, await context.session.get(TenantLifecycle).endMaintenance(slug, context.actor));
}

async function remove(context: CommandContext, slug: string, options: DeleteOptions): Promise<void> {
  const { session, actor, output, terminal } = context;
  const body = parseOrThrow(deletion, { graceSeconds: options.grace });
  const tenant = await session.get(TenantRecords).read(slug);
  if (!options.yes) await confirm(terminal, `This stops serving ${tenant.slug} and removes its data.`, tenant.slug);
  const { id } = await session.get(TenantLifecycle).delete(tenant.id, body, actor);
  const printResult = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const isDeleted = operation.status === 'succeeded';
    const report = isDeleted ? await session.get(ErasureReports).read(id) : undefined;
    output.print(operation, () => [
      report
        ? `${tenant.slug} is deleted`
        : `${tenant.slug} is no longer served; its data will be removed after ${operation.runAfter} (operation ${id})`,
      ...(report ? ['', ...erasureDocument(report, tenant.slug).map(printable)] : []),
      ...(isDeleted || body.graceSeconds === 0 ? [] : [`To undo this until then, run: tenants restore ${tenant.slug}`]),
    ]);
  };
  await runToCompletion(context, id, { wait: options.wait && body.graceSeconds === 0, printResult });
}

async function restore(context: CommandContext, slug: string): Promise<void> {
  printStatus(context, await context.session.get(TenantLifecycle).restore(slug, context.actor));
}

function printStatus({ output }: CommandContext, tenant: TenantView): void {
  output.print(tenant, () => [`${tenant.slug} is ${tenant.status}`]);
}
