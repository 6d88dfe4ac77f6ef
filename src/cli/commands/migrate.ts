import type { Command } from 'commander';
import {
  type FleetPreviewView,
  previewRequest,
  type VersionPreview,
} from '../../admin/fleet-migrations/fleet-migration.schemas.js';
import { FleetPreview } from '../../admin/fleet-migrations/fleet-preview.js';
import { MigrationUnits } from '../../admin/fleet-migrations/migration-units.js';
import { describeLate } from '../../database/table-migrations/versions/migration-set.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';
import { DryRunFailedError } from '../terminal/cli.errors.js';
import { repeated, wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- migrate --dry-run
  $ npm run tenantry -- migrate --canary 3 --wave 100 --parallel 4
  $ npm run tenantry -- migrate --canary acme,globex --max-failures 0 --on-failure maintenance
  $ npm run tenantry -- migrate --tenant hooli --tenant initech
  $ npm run tenantry -- migrate --verify

A unit is one set of tables: all row tenants of a target, one schema tenant, or one database tenant. Naming a row tenant, with
--tenant or --canary, therefore migrates every row tenant of its server; the command says so before it begins.`;

/** `migrate` */
export function defineMigrate(command: Command, { run }: CommandRunners): void {
  command
    .option(
      '--tenant <slug>',
      'only this tenant, even if the catalog takes it for up to date; may be repeated',
      repeated,
    )
    .option('--canary <n|slugs>', 'migrate first: a number of units, or the units of these tenants (comma-separated)')
    .option('--verify', 'also look at tables that the catalog takes for up to date, as after a restored dump')
    .option('--wave <n>', 'units between two checks of --max-failures (default: 50)', wholeNumber)
    .option('--parallel <n>', 'concurrent units per server (default: 2)', wholeNumber)
    .option('--max-failures <n>', 'start no further wave after more failed units than this (default: 5)', wholeNumber)
    .option(
      '--on-failure <what>',
      'serve failed tenants on their old version, or put them into maintenance (default: serve)',
    )
    .option('--lock-timeout <ms>', 'how long a migration may wait for a lock before it backs off', wholeNumber)
    .option('--dry-run', 'print the SQL without changing anything; exit code 1 if it would fail')
    .option('--no-wait', 'only queue the operation: a running server executes it')
    .addHelpText('after', EXAMPLES)
    .action((options) => run((context) => migrate(context, options)));
}

interface MigrateOptions {
  readonly tenant?: readonly string[];
  readonly canary?: string;
  readonly verify?: boolean;
  readonly wave?: number;
  readonly parallel?: number;
  readonly maxFailures?: number;
  readonly onFailure?: string;
  readonly lockTimeout?: number;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

async function migrate(context: CommandContext, options: MigrateOptions): Promise<void> {
  if (options.dryRun) return printPreview(context, options);
  const { tenant, canary, verify, wave, parallel, maxFailures, onFailure, lockTimeout, wait } = options;
  const request = {
    kind: 'migrate',
    tenants: tenant,
    canary: canary === undefined ? undefined : canaryOf(canary),
    verify,
    waveSize: wave,
    parallelism: parallel,
    maxFailures,
    onFailure,
    lockTimeoutMs: lockTimeout,
  };
  await noteSharedTables(context, options);
  for (const line of describeLate(await context.session.get(MigrationUnits).late(tenant))) context.output.note(line);
  await requestOperation(context, withoutUndefined(request), wait);
}

/** @throws DryRunFailedError */
async function printPreview(
  { output, session }: CommandContext,
  { tenant, canary, verify, lockTimeout }: MigrateOptions,
): Promise<void> {
  const request = parseOrThrow(
    previewRequest,
    withoutUndefined({ tenants: tenant, verify, lockTimeoutMs: lockTimeout }),
  );
  await noteSharedTables({ output, session }, { tenant, canary });
  const preview = await session.get(FleetPreview).preview(request);
  output.print(preview, () => describePreview(preview));
  const failures = preview.versions.flatMap(({ failure }) => (failure ? [failure.message] : []));
  if (failures.length > 0) throw new DryRunFailedError('migration', failures);
}

/** A row tenant cannot be migrated by itself, so the user learns how many others are, before it happens. */
async function noteSharedTables(
  { output, session }: Pick<CommandContext, 'output' | 'session'>,
  { tenant = [], canary }: Pick<MigrateOptions, 'tenant' | 'canary'>,
): Promise<void> {
  const first = canary === undefined ? undefined : canaryOf(canary);
  const named = [...tenant, ...(first && 'tenants' in first ? first.tenants : [])];
  for (const { slug, server, tenants } of await session.get(MigrationUnits).sharedBy(named)) {
    output.note(`${slug} shares its tables: all ${tenants} row tenants of server ${server} are migrated with it`);
  }
}

/** `3`: a number of units; `acme,globex`: tenants. */
function canaryOf(text: string): { count: number } | { tenants: string[] } {
  return /^\d+$/.test(text) ? { count: Number(text) } : { tenants: text.split(',') };
}

/** Omits options that were not passed, so that the defaults of the request apply. */
function withoutUndefined(request: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

function describePreview({ to, tenants, units, versions }: FleetPreviewView): string[] {
  const misfits = versions.flatMap(({ failure }) => (failure ? [`-- but ${failure.message}`] : []));
  if (units === 0) return [`-- all tenants are up to date with ${to}`, ...misfits];
  return [`-- ${tenants} tenants (${units} sets of tables) are behind ${to}`, ...versions.flatMap(describeVersion)];
}

function describeVersion({ from, tenants, units, migrations, late, failure }: VersionPreview): string[] {
  return [
    '',
    `-- from ${from}: ${tenants} tenants, ${units} sets of tables`,
    ...describeLate(late).map((line) => `-- ${line}`),
    ...migrations.flatMap(({ migration, sql }) => [`-- ${migration}`, ...sql.map(terminated)]),
    ...(failure ? [`-- cannot be shown: ${failure.message}`] : []),
  ];
}

function terminated(statement: string): string {
  return /;\s*$/.test(statement) ? statement : `${statement};`;
}
