import type { Command } from 'commander';
import type { CommandRunners } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';

const ROTATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- rotate-credentials --tenant initech   # a tenant with a database of its own
  $ npm run tenantry -- rotate-credentials --server eu-2      # what the row and schema tenants of a server share`;

const RESEAL_EXAMPLES = `
A new key goes first in ENCRYPTION_KEYS of every instance; when this is done, the former one can be taken out.

Examples:
  $ npm run tenantry -- reseal`;

/** `rotate-credentials` */
export function defineRotateCredentials(command: Command, { run }: CommandRunners): void {
  command
    .option('--tenant <slug>', 'the database of this tenant')
    .option('--server <name>', 'the shared database of this server')
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', ROTATE_EXAMPLES)
    .action(({ wait, ...subject }) =>
      run((context) => requestOperation(context, { kind: 'rotate-credentials', ...subject }, wait)),
    );
}

/** `reseal` */
export function defineReseal(command: Command, { run }: CommandRunners): void {
  command
    .option('--no-wait', 'only ask for it: a running server does it')
    .addHelpText('after', RESEAL_EXAMPLES)
    .action(({ wait }) => run((context) => requestOperation(context, { kind: 'reseal' }, wait), { redis: true }));
}
