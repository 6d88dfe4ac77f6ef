import { Command } from 'commander';
import type { CommandContext, RunCommand } from '../session/command-context.js';
import { wholeNumber } from '../terminal/values.js';

type Actions = typeof import('../actions/server-actions.js');

const EXAMPLES = `
Examples:
  $ npm run tenantry -- servers
  $ npm run tenantry -- servers add eu-2 --host pg-eu-2.internal --tls require --owner-role tenantry \\
      --owner-password-stdin < password.txt
  $ TENANTRY_OWNER_PASSWORD=… npm run tenantry -- servers set eu-2 --owner-role tenantry
  $ npm run tenantry -- servers drain eu-2

Passwords come from TENANTRY_OWNER_PASSWORD or standard input: arguments are there for everybody on the machine to see.`;

/** `servers …` */
export function serverCommands(run: RunCommand): Command {
  const act = (work: (actions: Actions, context: CommandContext) => Promise<void>): Promise<void> =>
    run(async (context) => work(await import('../actions/server-actions.js'), context));
  const group = new Command('servers')
    .description('the PostgreSQL servers that tenants live on')
    .addHelpText('after', EXAMPLES);
  group
    .command('list', { isDefault: true })
    .description('a table of servers; what a bare "servers" does')
    .action(() => act((actions, context) => actions.list(context)));
  described(group.command('add <name>'))
    .description('register a server, after a look whether it can be used')
    .action((name, options) => act((actions, context) => actions.add(context, name, options)));
  described(group.command('set <name>'))
    .description('change how a server is reached, or its limit')
    .option('--default-connections', 'take its own limit of connections away')
    .action((name, options) => act((actions, context) => actions.set(context, name, options)));
  group
    .command('drain <name>')
    .description('put no further tenant on it')
    .action((name) => act((actions, context) => actions.drain(context, name)));
  group
    .command('undrain <name>')
    .description('put tenants on it again')
    .action((name) => act((actions, context) => actions.undrain(context, name)));
  group
    .command('remove <name>')
    .description('forget a drained server that has no tenants')
    .action((name) => act((actions, context) => actions.remove(context, name)));
  return group;
}

function described(command: Command): Command {
  return command
    .option('--host <host>', 'name or IP address')
    .option('--port <n>', 'default: 5432', wholeNumber)
    .option('--tls <mode>', 'disable, require or verify-full (default: disable)')
    .option('--owner-role <role>', 'creates databases, roles and tables; needs CREATEDB and CREATEROLE')
    .option('--owner-password-stdin', "the role's password is the first line of standard input")
    .option('--max-connections <n>', "one process's limit (default: DB_SERVER_MAX_CONNECTIONS)", wholeNumber);
}
