import type { Command } from 'commander';
import type { CommandRunners } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';
import { seconds } from '../terminal/values.js';

const ENFORCE_HELP = `
For an installation that was upgraded from a release without signed stamps; a new one begins like that. It refuses to run
while tables have the policies of that release (run \`migrate\` first), or while one of its instances is connected.

Examples:
  $ npm run tenantry -- stamps enforce`;

const ROTATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- stamps rotate --server eu-2       # the database shared by row and schema tenants of a server
  $ npm run tenantry -- stamps rotate --tenant initech    # a tenant in database isolation`;

const NO_WAIT = 'only queue the operation: a running server executes it';

/** `stamps enforce`, `stamps rotate` */
export function defineStamps(command: Command, { run }: CommandRunners): void {
  command
    .command('enforce')
    .description('make every database refuse stamps without a proof')
    .option('--no-wait', NO_WAIT)
    .addHelpText('after', ENFORCE_HELP)
    .action(({ wait }) => run((context) => requestOperation(context, { kind: 'enforce-stamps' }, wait)));
  command
    .command('rotate')
    .description('replace the key with which stamps of a database are signed, without failing requests')
    .option('--tenant <slug>', "this tenant's own database")
    .option('--server <name>', "this server's shared database")
    .option('--grace <duration>', 'how long the former key stays valid (default: 10m)', seconds)
    .option('--no-wait', NO_WAIT)
    .addHelpText('after', ROTATE_EXAMPLES)
    .action(({ wait, grace: graceSeconds, ...database }) =>
      run((context) => requestOperation(context, { kind: 'rotate-stamp-key', ...database, graceSeconds }, wait)),
    );
}
