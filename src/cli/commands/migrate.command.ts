import { Command } from 'commander';
import type { RunCommand } from '../session/command-context.js';
import { repeated, wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- migrate --dry-run
  $ npm run tenantry -- migrate --canary 3 --wave 100 --parallel 4
  $ npm run tenantry -- migrate --canary acme,globex --max-failures 0 --on-failure maintenance
  $ npm run tenantry -- migrate --tenant hooli --tenant initech

A unit is one set of tables: all row tenants of a target, one schema tenant, or one database tenant.`;

/** `migrate` */
export function migrateCommand(run: RunCommand): Command {
  return new Command('migrate')
    .description('bring the tables of all tenants that are behind up to date')
    .option('--tenant <slug>', 'only this one; may be repeated', repeated)
    .option('--canary <n|slugs>', 'migrated first: so many units, or these tenants (comma-separated)')
    .option('--wave <n>', 'units between two looks at --max-failures (default: 50)', wholeNumber)
    .option('--parallel <n>', 'units at once on each server (default: 2)', wholeNumber)
    .option('--max-failures <n>', 'no further wave when more units than this failed (default: 5)', wholeNumber)
    .option('--on-failure <what>', 'serve tenants on their old version, or put them in maintenance (default: serve)')
    .option('--lock-timeout <ms>', 'how long a migration may wait for a lock before it gives way', wholeNumber)
    .option('--dry-run', 'show the SQL that would run, and change nothing')
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', EXAMPLES)
    .action((options) => run(async (context) => (await import('../actions/migrate.js')).migrate(context, options)));
}
