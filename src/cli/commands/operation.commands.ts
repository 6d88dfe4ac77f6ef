import { Command } from 'commander';
import type { CommandContext, RunCommand } from '../session/command-context.js';

type Actions = typeof import('../actions/operation-actions.js');

const EXAMPLES = `
Examples:
  $ npm run tenantry -- operations --status failed
  $ npm run tenantry -- operations show 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10 --failed
  $ npm run tenantry -- operations follow 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10 --json
  $ npm run tenantry -- operations retry 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10`;

/** `operations …` */
export function operationCommands(run: RunCommand): Command {
  const act = (work: (actions: Actions, context: CommandContext) => Promise<void>, redis = false): Promise<void> =>
    run(async (context) => work(await import('../actions/operation-actions.js'), context), { redis });
  const group = new Command('operations')
    .description('long jobs on tenants: what is done, under way, failed')
    .addHelpText('after', EXAMPLES);
  group
    .command('list', { isDefault: true })
    .description('newest first; what a bare "operations" does')
    .option('--status <status>', 'pending, running, succeeded, failed or cancelled')
    .option('--kind <kind>', 'provision, migrate, delete, rotate-credentials, reseal')
    .option('--tenant <slug>', 'those on this tenant, also when it is gone')
    .option('--limit <n>', 'how many (default: 20)')
    .option('--cursor <cursor>', 'go on behind another page')
    .action((options) => act((actions, context) => actions.list(context, options)));
  group
    .command('show <id>')
    .description('one operation, and how it ended for each tenant when it is over many')
    .option('--failed', 'only tenants that it failed for')
    .action((id, options) => act((actions, context) => actions.show(context, id, options)));
  group
    .command('follow <id>')
    .description('show how far it is until it has ended, and work on it when no instance does')
    .action((id) => act((actions, context) => actions.follow(context, id), true));
  group
    .command('cancel <id>')
    .description('end it: at once when nobody has begun it, else after the part in hand')
    .action((id) => act((actions, context) => actions.cancel(context, id)));
  group
    .command('retry <id>')
    .description('let one that failed or was cancelled go on from its last finished step')
    .option('--no-wait', 'only ask for it: a running server does it')
    .action((id, options) => act((actions, context) => actions.retry(context, id, options), true));
  return group;
}
