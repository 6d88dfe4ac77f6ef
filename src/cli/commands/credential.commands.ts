import { Command } from 'commander';
import type { RunCommand } from '../session/command-context.js';

const ROTATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- rotate-credentials --tenant initech   # a tenant with a database of its own
  $ npm run tenantry -- rotate-credentials --server eu-2      # what the row and schema tenants of a server share`;

const RESEAL_EXAMPLES = `
A new key goes first in ENCRYPTION_KEYS of every instance; when this is done, the former one can be taken out.

Examples:
  $ npm run tenantry -- reseal`;

/** `rotate-credentials`, `reseal` */
export function credentialCommands(run: RunCommand): Command[] {
  const rotate = new Command('rotate-credentials')
    .description('give a connection target a new login role and password, without a failed request')
    .option('--tenant <slug>', 'the database of this tenant')
    .option('--server <name>', 'the shared database of this server')
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', ROTATE_EXAMPLES)
    .action(({ wait, ...subject }) =>
      run(async (context) => {
        const { requestOperation } = await import('../session/request-operation.js');
        await requestOperation(context, { kind: 'rotate-credentials', ...subject }, wait);
      }),
    );
  const reseal = new Command('reseal')
    .description('seal everything anew that is sealed with another key than the first of ENCRYPTION_KEYS')
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', RESEAL_EXAMPLES)
    .action(({ wait }) =>
      run(
        async (context) => {
          const { requestOperation } = await import('../session/request-operation.js');
          await requestOperation(context, { kind: 'reseal' }, wait);
        },
        { redis: true },
      ),
    );
  return [rotate, reseal];
}
