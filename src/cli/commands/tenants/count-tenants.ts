import type { Command } from 'commander';
import { TenantRecords } from '../../../admin/tenants/tenant-records.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';

/** `tenants counts` */
export function defineCounts(command: Command, { run }: CommandRunners): void {
  command
    .command('counts')
    .description('count tenants by status, isolation, server and plan')
    .action(() => run((context) => count(context)));
}

interface Count {
  readonly by: string;
  readonly name: string;
  readonly tenants: number;
}

const COLUMNS = [
  { title: 'BY', value: ({ by }: Count) => by },
  { title: 'NAME', value: ({ name }: Count) => name },
  { title: 'TENANTS', value: ({ tenants }: Count) => tenants },
];

async function count({ output, session }: CommandContext): Promise<void> {
  const counts = await session.get(TenantRecords).count();
  const { total, byStatus, byIsolation, byServer, byPlan } = counts;
  const groupings = { status: byStatus, isolation: byIsolation, server: byServer, plan: byPlan };
  const rows: readonly Count[] = [
    ...Object.entries(groupings).flatMap(([by, values]) =>
      Object.entries(values).map(([name, tenants]) => ({ by, name, tenants })),
    ),
    { by: 'all', name: '', tenants: total },
  ];
  output.print(counts, () => output.table(rows, COLUMNS, 'no tenants'));
}
