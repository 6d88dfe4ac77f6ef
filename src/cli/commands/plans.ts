import type { Command } from 'commander';
import { Idempotency, idempotencyKeySchema } from '../../admin/idempotency/idempotency.js';
import { newPlan, planChange, type PlanView } from '../../admin/plans/plan.schemas.js';
import { PLANS_PATH } from '../../admin/plans/plans-path.js';
import { Plans } from '../../admin/plans/plans.js';
import { LIMIT_NAMES } from '../../catalog/model/limits.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { describeLimits, type LimitOptions, limitsOf, withLimitOptions } from '../terminal/limit-options.js';
import { keyValues } from '../terminal/table.js';
import { settingChangesOf, type SettingOptions, withSettingOptions } from './tenants/tenant-settings.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- plans
  $ npm run tenantry -- plans create pro --description "for teams" --max-concurrent 8 --set maxOrderLines=100
  $ npm run tenantry -- plans set pro --feature orderSummary=true --default-limits
  $ npm run tenantry -- tenants set hooli --plan pro`;

/** `plans …` */
export function definePlans(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('list plans (default)')
    .action(() => run((context) => list(context)));
  command
    .command('show <name>')
    .description('show one plan')
    .action((name) => run((context) => show(context, name)));
  withPlanOptions(command.command('create <name>'))
    .description('create a plan: settings, feature flags and limits that its tenants have in common')
    .option('--idempotency-key <key>', 'a repeated request with the same key creates nothing')
    .action((name, options) => run((context) => create(context, name, options)));
  withPlanOptions(command.command('set <name>'))
    .description('change a plan, for all of its tenants at once')
    .option('--default-limits', 'remove its limits')
    .action((name, options) => run((context) => set(context, name, options)));
  command
    .command('delete <name>')
    .description('delete a plan without tenants')
    .action((name) => run((context) => remove(context, name)));
}

function withPlanOptions(command: Command): Command {
  return withLimitOptions(withSettingOptions(command)).option('--description <text>', 'what it is for');
}

interface PlanOptions extends SettingOptions, LimitOptions {
  readonly description?: string;
  readonly defaultLimits?: boolean;
  readonly idempotencyKey?: string;
}

const COLUMNS = [
  { title: 'NAME', value: (plan: PlanView) => plan.name },
  { title: 'TENANTS', value: (plan: PlanView) => plan.tenants },
  { title: 'SETTINGS', value: (plan: PlanView) => Object.keys(plan.settings).join(', ') },
  { title: 'FEATURES', value: (plan: PlanView) => flagsOf(plan) },
  { title: 'DESCRIPTION', value: (plan: PlanView) => plan.description },
];

async function list({ output, session }: CommandContext): Promise<void> {
  const items = await session.get(Plans).list();
  output.print(items, () => output.table(items, COLUMNS, 'no plans'));
}

async function show({ output, session }: CommandContext, name: string): Promise<void> {
  const plan = await session.get(Plans).read(name);
  output.print(plan, () => describe(plan));
}

async function create({ output, session, actor }: CommandContext, name: string, options: PlanOptions): Promise<void> {
  const body = parseOrThrow(newPlan, { name, ...fieldsOf(options) });
  // The same action name as over REST, so that an idempotency key stands for one request on either interface.
  const key = parseOrThrow(idempotencyKeySchema, options.idempotencyKey);
  const plan = await session
    .get(Idempotency)
    .run({ key, action: `POST ${PLANS_PATH}`, body }, (catalog) => session.get(Plans).create(catalog, body, actor));
  output.print(plan, () => describe(plan));
}

async function set({ output, session, actor }: CommandContext, name: string, options: PlanOptions): Promise<void> {
  const change = parseOrThrow(planChange, fieldsOf(options));
  const plan = await session.get(Plans).change(name, change, actor);
  output.print(plan, () => describe(plan));
}

async function remove({ output, session, actor }: CommandContext, name: string): Promise<void> {
  await session.get(Plans).delete(name, actor);
  output.print({ name, deleted: true }, () => [`${name} is deleted`]);
}

function fieldsOf(options: PlanOptions): object {
  const { description, defaultLimits = false } = options;
  const none = Object.fromEntries(LIMIT_NAMES.map((name) => [name, null]));
  const limits = { ...(defaultLimits && none), ...limitsOf(options) };
  return {
    ...(description !== undefined && { description }),
    ...settingChangesOf(options),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

function describe(plan: PlanView): string[] {
  const settings = Object.entries(plan.settings).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return keyValues([
    ['name', plan.name],
    ['description', plan.description],
    ['tenants', plan.tenants],
    ['settings', settings.join(', ')],
    ['features', flagsOf(plan)],
    ...describeLimits(plan.limits),
    ['created', plan.createdAt],
    ['changed', plan.updatedAt],
  ]);
}

function flagsOf({ features }: PlanView): string {
  return Object.entries(features)
    .map(([name, isEnabled]) => `${name}=${isEnabled}`)
    .join(', ');
}
