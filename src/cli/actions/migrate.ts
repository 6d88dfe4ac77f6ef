import {
  type FleetPreviewView,
  previewRequest,
  type VersionPreview,
} from '../../admin/fleet-migrations/fleet-migration.schemas.js';
import { FleetPreview } from '../../admin/fleet-migrations/fleet-preview.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';

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

export async function migrate(context: CommandContext, options: MigrateOptions): Promise<void> {
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
