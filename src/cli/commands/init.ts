import type { Command } from 'commander';
import { applyChanges } from '../host/file-change.js';
import { readHostProject, type HostProject } from '../host/host-project.js';
import { planInit } from '../init/init-plan.js';
import type { InitPlan } from '../init/plan-builder.js';
import { unifiedDiff } from '../host/unified-diff.js';
import type { CommandLineOptions, CommandRunners, GlobalOptions } from '../session/command-context.js';
import { NotConfirmedError, UsageError } from '../terminal/cli.errors.js';
import { askYesOrNo } from '../terminal/confirm.js';
import { EXIT } from '../terminal/failure.js';
import { Output } from '../terminal/output.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- init --dry-run
  $ npm run tenantry -- init
  $ npm run tenantry -- init --project shop --yes

Run it in the folder of a NestJS application. It adds what is missing: the import of TenantryModule, .env lines, scripts and the
isolation test. Everything is shown as a diff first; what exists is never overwritten.`;

interface InitOptions {
  readonly project?: string;
  readonly sourceRoot?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `init` */
export function defineInit(command: Command, { runStandalone }: CommandRunners): void {
  command
    .option('--project <name>', 'which project of a monorepo; default: that of sourceRoot in nest-cli.json')
    .option('--source-root <folder>', 'the folder with the sources; default: sourceRoot in nest-cli.json, or src')
    .option('--dry-run', 'show the diff and change nothing')
    .option('--yes', 'apply without asking')
    .addHelpText('after', EXAMPLES)
    .action((options: InitOptions) => runStandalone((global, around) => init(options, global, around)));
}

/** @returns the exit code */
async function init(
  options: InitOptions,
  { json = false }: GlobalOptions,
  { terminal, invocation }: CommandLineOptions,
): Promise<number> {
  const output = new Output(terminal, json);
  const project = await readHostProject(terminal.cwd, options);
  const plan = await planInit(project, terminal.env);
  const { changes, manual } = plan;
  const isApplied = options.yes === true && options.dryRun !== true;
  if (json && isApplied) await applyChanges(project.root, changes);
  const document = { changes: changes.map((change) => ({ path: change.path, diff: unifiedDiff(change) })), manual };
  output.print({ ...document, applied: json && isApplied }, () => describe(plan));
  if (changes.length === 0 || options.dryRun) return EXIT.ok;
  if (json) {
    if (isApplied) return EXIT.ok;
    throw new UsageError('Nothing was changed. Confirm with --yes');
  }
  if (!isApplied && !(await askYesOrNo(terminal, 'Apply?'))) throw new NotConfirmedError();
  await applyChanges(project.root, changes);
  for (const line of nextSteps(project, invocation ?? 'npx tenantry')) output.note(line);
  return EXIT.ok;
}

function describe({ changes, manual }: InitPlan): string[] {
  const diffs = changes.flatMap((change) => unifiedDiff(change));
  const steps = manual.flatMap(({ path, reason, lines }) => [
    '',
    `${path}: ${reason}`,
    ...lines.map((line) => `  ${line}`),
  ]);
  const nothing = changes.length === 0 ? ['Nothing to add.'] : [];
  return [...diffs, ...nothing, ...steps];
}

function nextSteps({ packageManager, isBundled }: HostProject, invocation: string): string[] {
  const run = packageManager === 'npm' ? 'npm run' : packageManager;
  const call = isBundled ? `${run} tenantry${packageManager === 'npm' ? ' --' : ''}` : invocation;
  return [
    '',
    'Next:',
    `  ${packageManager} install`,
    `  ${run} build`,
    `  ${call} tenants create acme --isolation row`,
    `  ${call} doctor`,
  ];
}
