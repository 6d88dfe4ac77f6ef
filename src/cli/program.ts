import { Command } from 'commander';
import { auditCommand } from './commands/audit.command.js';
import { credentialCommands } from './commands/credential.commands.js';
import { keyCommands } from './commands/key.commands.js';
import { migrateCommand } from './commands/migrate.command.js';
import { operationCommands } from './commands/operation.commands.js';
import { serverCommands } from './commands/server.commands.js';
import { tenantCommands } from './commands/tenant.commands.js';
import type { RunCommand } from './session/command-context.js';
import type { Terminal } from './terminal/terminal.js';

export interface CommandRunners {
  readonly run: RunCommand;
  /** `doctor`, which does not rely on what it looks at. */
  readonly diagnose: () => Promise<void>;
}

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

/** The whole command line. Commands load what they need when they run. */
export function buildProgram(terminal: Terminal, { run, diagnose: examine }: CommandRunners): Command {
  const program = new Command('tenantry')
    .description('Creates, changes, migrates and removes tenants, and looks whether everything is as it must be.')
    .usage('[options] <command>')
    .option('--json', 'one JSON document on stdout and nothing else; errors as JSON on stderr')
    .option('--verbose', 'show the log, on stderr')
    .helpOption('-h, --help', 'show this, or the help of a command')
    .addHelpText('after', CLOSING);
  const commands = [
    ...[tenantCommands(run), keyCommands(run), serverCommands(run), operationCommands(run)],
    ...[migrateCommand(run), ...credentialCommands(run), auditCommand(run), doctorCommand(examine)],
  ];
  for (const command of commands) program.addCommand(command);
  settle(program, terminal);
  return program;
}

function doctorCommand(examine: () => Promise<void>): Command {
  return new Command('doctor')
    .description('look whether everything is as it must be; exit code 1 when something is not')
    .addHelpText('after', '\nExamples:\n  $ npm run tenantry -- doctor\n  $ npm run tenantry -- doctor --json')
    .action(examine);
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
