import type { Command } from 'commander';
import { Option } from 'commander';
import { type AdoptionPlan, LAYOUTS } from '../../admin/adoption/adoption-plan.js';
import { type AdoptionHooks, type AdoptionOutcome, Adoptions } from '../../admin/adoption/adoptions.js';
import { NewPlan } from '../../admin/adoption/new-plan.js';
import { folderFiles, formerKeys, readPlan, writeFolder } from '../adopt/adoption-folder.js';
import { lineOf, summaryOf } from '../adopt/report-text.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { UsageError } from '../terminal/cli.errors.js';
import { confirm } from '../terminal/confirm.js';
import { printable } from '../terminal/table.js';
import { repeated } from '../terminal/values.js';

const HELP = `
Writes a folder to review: report.md, plan.json, steps.sql and a migration; changes nothing. Then:

  $ npm run tenantry -- adopt run       # while the existing application goes on; continues where it was stopped
  $ npm run tenantry -- adopt undo      # takes it back, as long as it is not finished
  $ npm run tenantry -- adopt finish    # when the existing application is gone

Examples:
  $ npm run tenantry -- adopt --layout row --database shop --tenant-column company_id
  $ npm run tenantry -- adopt --layout row --database shop --tenant-column company_id --tenants "SELECT id AS key, subdomain AS slug FROM companies WHERE closed_at IS NULL"
  $ npm run tenantry -- adopt --layout schema --database crm --pattern '^tenant_(.+)$'
  $ npm run tenantry -- adopt --layout database --database accounts --tenants "SELECT db AS database, name AS slug FROM customers"`;

const FOLDER = ['--folder <folder>', 'the folder that tenantry adopt wrote', 'adoption'] as const;

interface PlanCommandOptions {
  readonly layout: AdoptionPlan['layout'];
  readonly database: string;
  readonly schema: string;
  readonly server: string;
  readonly tenantColumn?: string;
  readonly tenantsTable?: string;
  readonly slugColumn?: string;
  readonly tenants?: string;
  readonly pattern?: string;
  readonly from?: readonly string[];
  readonly leaveOut?: readonly string[];
  readonly folder: string;
}

/** `adopt`, `adopt run`, `adopt finish`, `adopt undo` */
export function defineAdopt(command: Command, { run }: CommandRunners): void {
  command
    .command('plan', { isDefault: true })
    .description('read a database and write what adopting it takes, to review (default)')
    .addOption(
      new Option('--layout <layout>', 'tenants share tables (row), have a schema each, or a database each')
        .choices(LAYOUTS)
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--database <name>',
      'the database with the tables; of a database each, the one with the list of tenants',
    )
    .option('--schema <name>', 'the schema with the tables', 'public')
    .option('--server <name>', 'the registered PostgreSQL server', 'default')
    .option('--tenant-column <name>', 'layout row: the column with the tenant, as company_id')
    .option(
      '--tenants-table <name>',
      'layout row: the table with a row per tenant (default: the one that the column refers to)',
    )
    .option('--slug-column <name>', "its column with tenants' names")
    .option(
      '--tenants <sql>',
      'a query for key, schema or database, and slug, of each tenant; id (a uuid) if they have one',
    )
    .option('--pattern <regexp>', 'layouts schema and database: of names; a group in it is the slug')
    .option('--from <table=column>', 'layout row: another name of the tenant column; may be repeated', repeated)
    .option('--leave-out <table>', 'a table that stays as it is; may be repeated', repeated)
    .option(...FOLDER)
    .addHelpText('after', HELP)
    .action((options: PlanCommandOptions) => run((context) => writePlan(context, options)));
  command
    .command('run')
    .description('adopt the tables and register the tenants; continues where an earlier run was stopped')
    .option(...FOLDER)
    .addHelpText('after', HELP)
    .action(({ folder }: { folder: string }) => run((context) => runPlan(context, folder)));
  command
    .command('finish')
    .description('drop the keys, triggers and policies that only the former application needs')
    .option(...FOLDER)
    .option('--yes', 'do not ask')
    .addHelpText('after', HELP)
    .action(({ folder, yes }: { folder: string; yes?: boolean }) => run((context) => finishPlan(context, folder, yes)));
  command
    .command('undo')
    .description('leave catalog and databases as they were before')
    .option(...FOLDER)
    .option('--yes', 'do not ask')
    .addHelpText('after', HELP)
    .action(({ folder, yes }: { folder: string; yes?: boolean }) => run((context) => undoPlan(context, folder, yes)));
}

async function writePlan({ session, output, terminal }: CommandContext, options: PlanCommandOptions): Promise<void> {
  const { tenants: query, leaveOut: leftOut = [], from = [], folder, database } = options;
  const former = await formerKeys(terminal.cwd, folder);
  const migration = former?.migration ?? `Adopt${className(database)}${Date.now()}`;
  const request = { ...options, query, leftOut, columns: Object.fromEntries(from.map(columnOf)), migration };
  const drafted = await session.get(NewPlan).of(request);
  const plan = former?.keys.kind === drafted.keys.kind ? { ...drafted, keys: former.keys } : drafted;
  const report = await session.get(Adoptions).report(plan);
  const files = await writeFolder(terminal.cwd, folder, folderFiles(plan, report));
  const findings = report.findings.map(({ places: _places, ...finding }) => finding);
  output.print(
    { files, findings, tenants: report.places.reduce((sum, { tenants }) => sum + tenants.length, 0) },
    () => [
      ...report.findings
        .filter(({ severity }) => severity !== 'note')
        .map((finding) =>
          printable(`${finding.severity}: ${lineOf(finding, report.places.length).slice(2).replaceAll('**', '')}`),
        ),
      printable(summaryOf(plan, report)),
      ...files.map((file) => `wrote ${file}`),
    ],
  );
}

async function runPlan(context: CommandContext, folder: string): Promise<void> {
  const { session, actor, terminal } = context;
  const plan = await readPlan(terminal.cwd, folder);
  const outcome = await session.get(Adoptions).run(plan, actor, hooksOf(context));
  printOutcome(context, plan, outcome, 'adopted');
}

async function finishPlan(context: CommandContext, folder: string, yes = false): Promise<void> {
  const { session, actor, terminal, output } = context;
  const plan = await readPlan(terminal.cwd, folder);
  if (!yes) {
    output.note(
      'The former application must be gone: its ON CONFLICT and its writes without a tenant fail from then on.',
    );
    await confirm(terminal, 'It cannot be taken back.', plan.database);
  }
  const outcome = await session.get(Adoptions).finish(plan, actor, hooksOf(context));
  printOutcome(context, plan, outcome, 'finished');
}

async function undoPlan(context: CommandContext, folder: string, yes = false): Promise<void> {
  const { session, actor, terminal, output } = context;
  const plan = await readPlan(terminal.cwd, folder);
  if (!yes) await confirm(terminal, 'Its tenants are no longer served; their rows stay.', plan.database);
  const outcome = await session.get(Adoptions).undo(plan, actor, hooksOf(context));
  output.print(outcome, () => [`The adoption of ${plan.database} is taken back (${outcome.places} schemas)`]);
}

function printOutcome({ output }: CommandContext, plan: AdoptionPlan, outcome: AdoptionOutcome, done: string): void {
  output.print(outcome, () => [
    `The tables of ${outcome.places} ${outcome.places === 1 ? 'schema are' : 'schemas are'} ${outcome.hasMigration ? done : 'adopted'}; ${outcome.registered} tenants were registered`,
  ]);
  if (outcome.hasMigration) return;
  output.note(
    `The application has no migration ${plan.migration}: copy it from the folder, register it in forFeature, build, and run this again. Tenants are registered then.`,
  );
}

/** Progress on stderr, a line per step. */
function hooksOf({ output }: CommandContext): AdoptionHooks {
  let last = '';
  const say = (line: string): void => {
    if (line !== last) output.note(printable(line));
    last = line;
  };
  return {
    onProgress: (place, { step }) => say(`${place} ${step}`),
    onRetry: (place, step, attempt) => say(`${place} ${step}: in use, gives way (attempt ${attempt})`),
  };
}

/** @throws UsageError */
function columnOf(text: string): [table: string, column: string] {
  const [table, column, ...rest] = text.split('=');
  if (table && column && rest.length === 0) return [table, column];
  throw new UsageError(`--from expects table=column: ${text}`);
}

/** `my-shop` becomes `MyShop`. */
function className(name: string): string {
  const words = name.split(/[^A-Za-z\d]+/).filter((word) => word !== '');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
