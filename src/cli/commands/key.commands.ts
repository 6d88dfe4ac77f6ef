import { Command } from 'commander';
import type { CommandContext, RunCommand } from '../session/command-context.js';
import { wholeNumber } from '../terminal/values.js';

type Actions = typeof import('../actions/key-actions.js');

const EXAMPLES = `
Examples:
  $ npm run tenantry -- keys hooli
  $ npm run tenantry -- keys create hooli --name "billing service" --expires-in-days 365
  $ npm run tenantry -- keys revoke hooli 0123456789abcdef`;

/** `keys …` */
export function keyCommands(run: RunCommand): Command {
  const act = (work: (actions: Actions, context: CommandContext) => Promise<void>): Promise<void> =>
    run(async (context) => work(await import('../actions/key-actions.js'), context));
  const group = new Command('keys').description("tenants' API keys").addHelpText('after', EXAMPLES);
  group
    .command('list <slug>', { isDefault: true })
    .description('the keys of a tenant; what "keys <slug>" does')
    .action((slug) => act((actions, context) => actions.list(context, slug)));
  group
    .command('create <slug>')
    .description('issue a key, which is shown this once')
    .option('--name <text>', 'what it is for')
    .option('--expires-in-days <n>', 'default: it does not expire', wholeNumber)
    .option('--idempotency-key <key>', 'sent again with the same key, it answers with the same API key')
    .action((slug, options) => act((actions, context) => actions.create(context, slug, options)));
  group
    .command('revoke <slug> <id>')
    .description('refuse a key everywhere, within a second')
    .action((slug, id) => act((actions, context) => actions.revoke(context, slug, id)));
  return group;
}
