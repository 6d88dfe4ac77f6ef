import { Command } from 'commander';
import type { RunCommand } from '../session/command-context.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- audit --subject hooli
  $ npm run tenantry -- audit --action tenant.suspend --limit 10 --json`;

/** `audit` */
export function auditCommand(run: RunCommand): Command {
  return new Command('audit')
    .description('who changed what, newest first')
    .option('--subject <name>', "a tenant's slug or id, a server's name, or the id of anything")
    .option('--action <action>', 'such as tenant.suspend')
    .option('--limit <n>', 'how many (default: 100)')
    .option('--cursor <cursor>', 'go on behind another page')
    .addHelpText('after', EXAMPLES)
    .action((options) => run(async (context) => (await import('../actions/audit.js')).audit(context, options)));
}
