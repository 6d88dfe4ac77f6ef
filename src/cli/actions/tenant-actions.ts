import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { Idempotency } from '../../admin/idempotency/idempotency.js';
import { toOperationView } from '../../admin/operations/operation.schemas.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import {
  newTenant,
  tenantChange,
  tenantFilter,
  type TenantFilter,
  type TenantPage,
  type TenantView,
} from '../../admin/tenants/tenant.schemas.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import { Tenants } from '../../admin/tenants/tenants.js';
import { TENANTS_PATH } from '../../admin/tenants/tenants-path.js';
import type { CommandContext } from '../session/command-context.js';
import { describeTenant } from '../terminal/describe-tenant.js';
import { idempotencyKeyShape } from '../session/idempotency-key.js';
import { noteAsked, runToCompletion } from '../session/run-to-completion.js';

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

const LARGEST_PAGE = 1000;

export async function list(context: CommandContext, { all = false, ...asked }: ListOptions): Promise<void> {
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

const COLUMNS = [
  { title: 'SLUG', of: (tenant: TenantView) => tenant.slug },
  { title: 'STATUS', of: (tenant: TenantView) => tenant.status },
  { title: 'ISOLATION', of: (tenant: TenantView) => tenant.isolation },
  { title: 'SERVER', of: (tenant: TenantView) => tenant.server },
  { title: 'DATABASE', of: (tenant: TenantView) => tenant.database },
  { title: 'SCHEMA', of: (tenant: TenantView) => tenant.schema },
  { title: 'MIGRATED TO', of: (tenant: TenantView) => tenant.schemaVersion },
];

export async function create(context: CommandContext, slug: string, options: CreateOptions): Promise<void> {
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

export async function show({ output, session }: CommandContext, slug: string): Promise<void> {
  const tenant = await session.get(TenantRecords).read(slug);
  output.answer(tenant, () => describeTenant(tenant));
}

export async function set(
  { output, session, actor }: CommandContext,
  slug: string,
  options: SetOptions,
): Promise<void> {
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
