import type { Command } from 'commander';
import { settingsChange, type SettingsView } from '../../../admin/settings/settings.schemas.js';
import { TenantSettingsRecords } from '../../../admin/settings/tenant-settings.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { assigned, type Assignment, changesOf } from '../../terminal/assignments.js';
import { repeated } from '../../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants settings hooli                           # what holds, and from where
  $ npm run tenantry -- tenants settings hooli --set maxOrderLines=20
  $ npm run tenantry -- tenants settings hooli --unset maxOrderLines --feature orderSummary=false

Not for secrets: settings are stored and shown as they are.`;

export interface SettingOptions {
  readonly set?: readonly Assignment[];
  readonly unset?: readonly string[];
  readonly feature?: readonly Assignment[];
  readonly unsetFeature?: readonly string[];
}

/** `tenants settings` */
export function defineSettings(tenants: Command, { run }: CommandRunners): void {
  withSettingOptions(tenants.command('settings <slug>'))
    .description('show or change the settings and feature flags of a tenant')
    .addHelpText('after', EXAMPLES)
    .action((slug, options) => run((context) => settings(context, slug, options)));
}

/** Options that change settings and feature flags, of a tenant or of a plan. */
export function withSettingOptions(command: Command): Command {
  return command
    .option('--set <key=json>', 'set a setting; may be repeated', assigned)
    .option('--unset <key>', 'remove a setting; may be repeated', repeated)
    .option('--feature <name=true|false>', 'set a feature flag; may be repeated', assigned)
    .option('--unset-feature <name>', 'remove a feature flag; may be repeated', repeated);
}

/** Those of a request that are given. */
export function settingChangesOf({ set, unset, feature, unsetFeature }: SettingOptions): object {
  const [settingChanges, features] = [changesOf(set, unset), changesOf(feature, unsetFeature)];
  return { ...(settingChanges && { settings: settingChanges }), ...(features && { features }) };
}

const COLUMNS = [
  { title: 'KIND', value: (row: Row) => row.kind },
  { title: 'KEY', value: (row: Row) => row.key },
  { title: 'VALUE', value: (row: Row) => row.value },
  { title: 'FROM', value: (row: Row) => row.origin },
];

interface Row {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

async function settings(
  { output, session, actor }: CommandContext,
  slug: string,
  options: SettingOptions,
): Promise<void> {
  const records = session.get(TenantSettingsRecords);
  const changes = settingChangesOf(options);
  const view =
    Object.keys(changes).length === 0
      ? await records.read(slug)
      : await records.change(slug, parseOrThrow(settingsChange, changes), actor);
  output.print(view, () => [
    `plan: ${view.plan ?? 'none'}`,
    ...output.table(rowsOf(view), COLUMNS, 'the application declares no settings'),
    ...refusedIn(view),
    ...view.unknown.map((key) => `no effect: ${key} is not declared by this application`),
  ]);
}

function rowsOf({ settings: values, features, limits }: SettingsView): Row[] {
  return Object.entries({ setting: values, feature: features, limit: limits }).flatMap(([kind, all]) =>
    Object.entries(all).map(([key, { value, origin }]) => ({ kind, key, value: JSON.stringify(value) ?? '', origin })),
  );
}

function refusedIn({ settings: values }: SettingsView): string[] {
  return Object.entries(values).flatMap(([key, { refused = [] }]) =>
    refused.map(({ origin, reason }) => `no effect: the ${origin}'s ${key}: ${reason}`),
  );
}
