import { Command } from 'commander';
import type { CommandRunners, DefineCommand } from './session/command-context.js';
import type { Terminal } from './terminal/terminal.js';

interface LazyCommand {
  readonly name: string;
  readonly description: string;
  /** Shown in the program's help, where the options themselves are not loaded. */
  readonly hasOptions: boolean;
  /** The modules behind it are heavy (TypeORM, Nest), so only the command that runs is loaded. */
  readonly load: () => Promise<DefineCommand>;
}

const COMMANDS: readonly LazyCommand[] = [
  {
    name: 'tenants',
    description: 'list tenants, and change their lives',
    hasOptions: false,
    load: async () => (await import('./commands/tenants.js')).defineTenants,
  },
  {
    name: 'keys',
    description: "tenants' API keys",
    hasOptions: false,
    load: async () => (await import('./commands/keys.js')).defineKeys,
  },
  {
    name: 'servers',
    description: 'the PostgreSQL servers that tenants live on',
    hasOptions: false,
    load: async () => (await import('./commands/servers.js')).defineServers,
  },
  {
    name: 'operations',
    description: 'long jobs on tenants: what is done, under way, failed',
    hasOptions: false,
    load: async () => (await import('./commands/operations.js')).defineOperations,
  },
  {
    name: 'migrate',
    description: 'bring the tables of all tenants that are behind up to date',
    hasOptions: true,
    load: async () => (await import('./commands/migrate.js')).defineMigrate,
  },
  {
    name: 'rotate-credentials',
    description: 'give a connection target a new login role and password, without a failed request',
    hasOptions: true,
    load: async () => (await import('./commands/credentials.js')).defineRotateCredentials,
  },
  {
    name: 'reseal',
    description: 'seal everything anew that is sealed with another key than the first of ENCRYPTION_KEYS',
    hasOptions: true,
    load: async () => (await import('./commands/credentials.js')).defineReseal,
  },
  {
    name: 'audit',
    description: 'who changed what, newest first',
    hasOptions: true,
    load: async () => (await import('./commands/audit.js')).defineAudit,
  },
  {
    name: 'doctor',
    description: 'look whether everything is as it must be; exit code 1 when something is not',
    hasOptions: false,
    load: async () => (await import('./commands/doctor.js')).defineDoctor,
  },
];

const CLOSING = `
Examples:
  $ npm run tenantry -- tenants
  $ npm run tenantry -- tenants create hooli --isolation schema
  $ npm run tenantry -- keys create hooli --name "billing service"
  $ npm run tenantry -- tenants --json | jq '.items[].slug'
  $ npm run tenantry -- doctor

It reads the same environment and .env as the server, and works while that runs and while it does not.

Exit codes: 0 done; 1 failed (an operation, a conflict, nothing of that name, something that doctor found);
2 written wrongly, or a value that is not valid; 130 interrupted.`;

/** The whole command line. A command is a name and a description until it is the one to run; then its module is loaded. */
export function buildProgram(terminal: Terminal, runners: CommandRunners): Command {
  const program = new Command('tenantry')
    .description('Creates, changes, migrates and removes tenants, and looks whether everything is as it must be.')
    .usage('[options] <command>')
    .option('--json', 'one JSON document on stdout and nothing else; errors as JSON on stderr')
    .option('--verbose', 'show the log, on stderr')
    .helpOption('-h, --help', 'show this, or the help of a command')
    .addHelpText('after', CLOSING);
  const lazyCommands = new Map(COMMANDS.map((lazy) => [lazy.name, lazy]));
  for (const { name, description } of COMMANDS) program.addCommand(new Command(name).description(description));
  program.hook('preSubcommand', async (_program, command) => {
    const define = await lazyCommands.get(command.name())?.load();
    define?.(command, runners);
    settle(command, terminal);
  });
  settle(program, terminal);
  program.configureHelp({
    showGlobalOptions: true,
    subcommandTerm: (command) =>
      lazyCommands.get(command.name())?.hasOptions ? `${command.name()} [options]` : command.name(),
  });
  return program;
}

/** What does not pass from a command to its own ones: nobody exits, and all errors are told in one place. */
function settle(command: Command, terminal: Terminal): void {
  command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => terminal.stdout.columns || 100,
    });
  for (const inner of command.commands) settle(inner, terminal);
}
