import { Command } from 'commander';
import type { CommandRunners, DefineCommand } from './session/command-context.js';
import { CommandUsageError } from './terminal/usage-message.js';
import type { Terminal } from './terminal/terminal.js';

interface LazyCommand {
  readonly name: string;
  readonly description: string;
  /** The program's help shows `[options]` without loading the command to see whether it has any. */
  readonly hasOptions: boolean;
  /** Command modules import TypeORM and Nest, so only the module of the command that runs is loaded. */
  readonly load: () => Promise<DefineCommand>;
}

const COMMANDS: readonly LazyCommand[] = [
  {
    name: 'init',
    description: 'add what an existing NestJS application lacks, after showing it as a diff',
    hasOptions: true,
    load: async () => (await import('./commands/init.js')).defineInit,
  },
  {
    name: 'adopt',
    description: "adopt an existing application's tables and tenants where they are",
    hasOptions: true,
    load: async () => (await import('./commands/adopt.js')).defineAdopt,
  },
  {
    name: 'tenants',
    description: 'list, create, change and delete tenants',
    hasOptions: false,
    load: async () => (await import('./commands/tenants/tenants.js')).defineTenants,
  },
  {
    name: 'archives',
    description: 'show what an archive of a tenant has, and for whom archives for this installation are written',
    hasOptions: false,
    load: async () => (await import('./commands/archives.js')).defineArchives,
  },
  {
    name: 'keys',
    description: "list, create and revoke tenants' API keys",
    hasOptions: false,
    load: async () => (await import('./commands/keys.js')).defineKeys,
  },
  {
    name: 'operators',
    description: "list, create, change and revoke the control plane's operators",
    hasOptions: false,
    load: async () => (await import('./commands/operators.js')).defineOperators,
  },
  {
    name: 'usage',
    description: 'show what tenants have used, by hour, day or month',
    hasOptions: true,
    load: async () => (await import('./commands/usage.js')).defineUsage,
  },
  {
    name: 'top',
    description: 'show the busiest tenants of the last minute',
    hasOptions: false,
    load: async () => (await import('./commands/usage.js')).defineTop,
  },
  {
    name: 'servers',
    description: 'manage the PostgreSQL servers that host tenants',
    hasOptions: false,
    load: async () => (await import('./commands/servers/servers.js')).defineServers,
  },
  {
    name: 'rebalance',
    description: 'move tenants from full servers to others, with the fewest bytes',
    hasOptions: true,
    load: async () => (await import('./commands/servers/rebalance.js')).defineRebalance,
  },
  {
    name: 'instances',
    description: 'list the running instances, and what servers lend to each',
    hasOptions: false,
    load: async () => (await import('./commands/servers/instances.js')).defineInstances,
  },
  {
    name: 'backups',
    description: 'list backups of tenants, and make one',
    hasOptions: true,
    load: async () => (await import('./commands/backups.js')).defineBackups,
  },
  {
    name: 'plans',
    description: 'list, create, change and delete plans of tenants',
    hasOptions: false,
    load: async () => (await import('./commands/plans.js')).definePlans,
  },
  {
    name: 'operations',
    description: 'list, follow, cancel and retry long-running operations',
    hasOptions: false,
    load: async () => (await import('./commands/operations.js')).defineOperations,
  },
  {
    name: 'reference-data',
    description: 'list published reference tables, and publish their rows to all tenants',
    hasOptions: false,
    load: async () => (await import('./commands/reference-data.js')).defineReferenceData,
  },
  {
    name: 'migrate',
    description: 'run pending migrations on the tables of all tenants',
    hasOptions: true,
    load: async () => (await import('./commands/migrate.js')).defineMigrate,
  },
  {
    name: 'migration',
    description: 'write a migration from what the entities map and the migrations do not make',
    hasOptions: true,
    load: async () => (await import('./commands/migration.js')).defineMigration,
  },
  {
    name: 'rotate-credentials',
    description: 'replace the login role and password of a connection target without failing requests',
    hasOptions: true,
    load: async () => (await import('./commands/credentials.js')).defineRotateCredentials,
  },
  {
    name: 'stamps',
    description: 'enforce signed stamps, and replace the keys with which they are signed',
    hasOptions: false,
    load: async () => (await import('./commands/stamps.js')).defineStamps,
  },
  {
    name: 'leakproof',
    description: 'mark operators as leakproof, so that conditions use indexes under the policies',
    hasOptions: false,
    load: async () => (await import('./commands/leakproof.js')).defineLeakproof,
  },
  {
    name: 'reseal',
    description: 're-encrypt everything not encrypted with the first key of ENCRYPTION_KEYS',
    hasOptions: true,
    load: async () => (await import('./commands/credentials.js')).defineReseal,
  },
  {
    name: 'audit',
    description: 'show who changed what, newest first',
    hasOptions: true,
    load: async () => (await import('./commands/audit.js')).defineAudit,
  },
  {
    name: 'doctor',
    description: 'check configuration, servers and tenant isolation; exit code 1 if any check fails',
    hasOptions: false,
    load: async () => (await import('./commands/doctor.js')).defineDoctor,
  },
];

/** How the examples of all commands call this program, which is right in this repository. */
export const INVOCATION = 'npm run tenantry --';

const CLOSING = `
Examples:
  $ npm run tenantry -- tenants
  $ npm run tenantry -- tenants create hooli --isolation schema
  $ npm run tenantry -- keys create hooli --name "billing service"
  $ npm run tenantry -- tenants --json | jq '.items[].slug'
  $ npm run tenantry -- doctor

Reads the same environment and .env as the server, and works whether or not the server is running.

Exit codes: 0 success; 1 failure (failed operation, conflict, not found, failed doctor check);
2 usage error or invalid value; 130 interrupted.`;

/**
 * The whole command line. A command has only its name and description until commander dispatches to it; then its module
 * is loaded and adds the rest.
 *
 * @param invocation how the user calls it, for the examples
 */
export function buildProgram(terminal: Terminal, runners: CommandRunners, invocation: string): Command {
  const program = new Command('tenantry')
    .description('Create, change, migrate and delete tenants, and check that everything works.')
    .usage('[options] <command>')
    .option('--json', 'print one JSON document on stdout and nothing else; errors as JSON on stderr')
    .option('--verbose', 'write the log to stderr')
    .option('--module <file>', "the application's root module, instead of tenantry.module in package.json")
    .helpOption('-h, --help', 'show this help, or the help of a command')
    .addHelpText('after', CLOSING);
  const lazyCommands = new Map(COMMANDS.map((lazy) => [lazy.name, lazy]));
  for (const { name, description } of COMMANDS) program.addCommand(new Command(name).description(description));
  program.hook('preSubcommand', async (_program, command) => {
    const define = await lazyCommands.get(command.name())?.load();
    define?.(command, runners);
    configure(command, terminal, invocation);
  });
  configure(program, terminal, invocation);
  program.configureHelp({
    showGlobalOptions: true,
    subcommandTerm: (command) =>
      lazyCommands.get(command.name())?.hasOptions ? `${command.name()} [options]` : command.name(),
  });
  return program;
}

/**
 * Applies the settings that `addCommand` does not pass on to sub-commands: commander throws instead of exiting, and writes
 * no errors itself, because `runCommandLine` reports all of them.
 */
function configure(command: Command, terminal: Terminal, invocation: string): void {
  command
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : new CommandUsageError(command, error); // 0: --help
    })
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text.replaceAll(INVOCATION, invocation)),
      writeErr: () => undefined,
      getOutHelpWidth: () => terminal.stdout.columns || 100,
    });
  for (const subcommand of command.commands) configure(subcommand, terminal, invocation);
}
