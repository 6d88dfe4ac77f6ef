import type { Command } from 'commander';
import { usageCsv } from '../../admin/usage/usage-csv.js';
import { UsageRecords } from '../../admin/usage/usage-records.js';
import {
  usageFilter,
  usageTotalsFilter,
  type UsageTotalsView,
  type UsageView,
} from '../../admin/usage/usage.schemas.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- usage --by month
  $ npm run tenantry -- usage --tenant acme --from 2026-10-01T00:00:00Z --by hour --csv`;

/** `usage` */
export function defineUsage(command: Command, { run }: CommandRunners): void {
  command
    .option('--tenant <slug>', 'slug or id; the id also after the tenant was deleted')
    .option('--from <time>', 'first hour, in ISO 8601 (default: 30 days ago)')
    .option('--to <time>', 'hour after the last one (default: all)')
    .option('--by <period>', 'hour, day (default) or month, of UTC')
    .option('--total', 'the sums of all tenants')
    .option('--csv', 'CSV with all pages from the cursor on')
    .option('--limit <n>', 'page size (default: 100)')
    .option('--cursor <cursor>', 'continue from the cursor of a previous page')
    .addHelpText('after', EXAMPLES)
    .action(({ csv, total, ...options }) =>
      run((context) => (total === true ? sumUp(context, options) : list(context, options, csv === true))),
    );
}

/** `top` */
export function defineTop(command: Command, { run }: CommandRunners): void {
  command.action(() => run(showBusiest));
}

type Sums = Omit<UsageTotalsView['items'][number], 'at' | 'storedBytes'>;

const TENANT = {
  title: 'TENANT',
  value: ({ tenant, tenantId }: Pick<UsageView, 'tenant' | 'tenantId'>) => tenant ?? tenantId,
};
const FROM = { title: 'FROM', value: ({ at }: { readonly at: string }) => at };
const FIGURES = [
  { title: 'REQUESTS', value: (each: Sums) => each.requests },
  { title: 'RUNS', value: (each: Sums) => each.runs },
  { title: 'ERRORS', value: (each: Sums) => each.errors },
  { title: 'MS', value: (each: Sums) => Math.round(each.durationMs) },
  { title: 'STATEMENTS', value: (each: Sums) => each.statements },
  { title: 'DB MS', value: (each: Sums) => Math.round(each.databaseMs) },
  { title: 'WAIT MS', value: (each: Sums) => Math.round(each.waitMs) },
  { title: 'ROWS READ', value: (each: Sums) => each.rowsRead },
  { title: 'WRITTEN', value: (each: Sums) => each.rowsWritten },
];
const STORED = {
  title: 'STORED BYTES',
  value: ({ storedBytes }: Pick<UsageView, 'storedBytes'>) => storedBytes ?? '-',
};
const COLUMNS = [FROM, TENANT, ...FIGURES, STORED];

async function sumUp({ output, session }: CommandContext, options: object): Promise<void> {
  const totals = await session.get(UsageRecords).totals(parseOrThrow(usageTotalsFilter, options));
  output.print(totals, () => output.table(totals.items, [FROM, ...FIGURES, STORED], 'no usage'));
}

async function list({ output, session }: CommandContext, options: object, isCsv: boolean): Promise<void> {
  const records = session.get(UsageRecords);
  const filter = parseOrThrow(usageFilter, isCsv ? { limit: '1000', ...options } : options);
  let page = await records.list(filter);
  if (!isCsv) {
    output.print(page, () => output.table(page.items, COLUMNS, 'no usage'));
    if (page.nextCursor !== null) output.note(`More results: --cursor ${page.nextCursor}`);
    return;
  }
  for (let isFirst = true; ; isFirst = false) {
    const { nextCursor } = page;
    output.printText(usageCsv(page.items, isFirst));
    if (nextCursor === null) return;
    page = await records.list({
      ...filter,
      ...parseOrThrow(usageFilter.pick({ cursor: true }), { cursor: nextCursor }),
    });
  }
}

async function showBusiest({ output, session }: CommandContext): Promise<void> {
  const usage = await session.get(UsageRecords).now();
  output.print(usage, () => output.table(usage.items, [TENANT, ...FIGURES], 'no usage in the last minute'));
  const { totals } = usage;
  if (!totals) return;
  const p95 = totals.p95Ms === null ? '' : `, 95 % of them within ${Math.round(totals.p95Ms)} ms`;
  output.note(`All tenants: ${totals.requests} requests, ${totals.errors} errors${p95}`);
}
