import type { Command } from 'commander';
import {
  type FleetPreviewView,
  previewRequest,
  type VersionPreview,
} from '../../admin/fleet-migrations/fleet-migration.schemas.js';
import { FleetPreview } from '../../admin/fleet-migrations/fleet-preview.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';
import { repeated, wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- migrate --dry-run
  $ npm run tenantry -- migrate --canary 3 --wave 100 --parallel 4
  $ npm run tenantry -- migrate --canary acme,globex --max-failures 0 --on-failure maintenance
  $ npm run tenantry -- migrate --tenant hooli --tenant initech

A unit is one set of tables: all row tenants of a target, one schema tenant, or one database tenant.`;

/** `migrate` */
export function defineMigrate(command: Command, { run }: CommandRunners): void {
  command
    .option('--tenant <slug>', 'only this one; may be repeated', repeated)
    .option('--canary <n|slugs>', 'migrated first: so many units, or these tenants (comma-separated)')
    .option('--wave <n>', 'units between two looks at --max-failures (default: 50)', wholeNumber)
    .option('--parallel <n>', 'units at once on each server (default: 2)', wholeNumber)
    .option('--max-failures <n>', 'no further wave when more units than this failed (default: 5)', wholeNumber)
    .option('--on-failure <what>', 'serve tenants on their old version, or put them in maintenance (default: serve)')
    .option('--lock-timeout <ms>', 'how long a migration may wait for a lock before it gives way', wholeNumber)
    .option('--dry-run', 'show the SQL that would run, and change nothing')
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', EXAMPLES)
    .action((options) => run((context) => migrate(context, options)));
}

interface MigrateOptions {
  readonly tenant?: readonly string[];
  readonly canary?: string;
  readonly wave?: number;
  readonly parallel?: number;
  readonly maxFailures?: number;
  readonly onFailure?: string;
  readonly lockTimeout?: number;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

async function migrate(context: CommandContext, options: MigrateOptions): Promise<void> {
  if (options.dryRun) return preview(context, options);
  const { tenant, canary, wave, parallel, maxFailures, onFailure, lockTimeout, wait } = options;
  const request = {
    kind: 'migrate',
    tenants: tenant,
    canary: canary === undefined ? undefined : canaryOf(canary),
    ...{ waveSize: wave, parallelism: parallel, maxFailures, onFailure, lockTimeoutMs: lockTimeout },
  };
  await requestOperation(context, given(request), wait);
}

async function preview({ output, session }: CommandContext, { tenant, lockTimeout }: MigrateOptions): Promise<void> {
  const request = parseOrThrow(previewRequest, given({ tenants: tenant, lockTimeoutMs: lockTimeout }));
  const shown = await session.get(FleetPreview).preview(request);
  output.answer(shown, () => describe(shown));
}

/** Three units, or the named tenants. */
function canaryOf(text: string): object {
  return /^\d+$/.test(text) ? { count: Number(text) } : { tenants: text.split(',') };
}

/** What was not given is left to the defaults of the request. */
function given(request: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

function describe({ to, tenants, units, versions }: FleetPreviewView): string[] {
  if (units === 0) return [`-- all tenants are migrated to ${to}`];
  return [`-- ${tenants} tenants (${units} sets of tables) are behind ${to}`, ...versions.flatMap(describeVersion)];
}

function describeVersion({ from, tenants, units, migrations, failure }: VersionPreview): string[] {
  return [
    '',
    `-- from ${from}: ${tenants} tenants, ${units} sets of tables`,
    ...migrations.flatMap(({ migration, sql }) => [`-- ${migration}`, ...sql.map(ended)]),
    ...(failure ? [`-- it cannot be shown: ${failure.message}`] : []),
  ];
}

function ended(statement: string): string {
  return /;\s*$/.test(statement) ? statement : `${statement};`;
}
