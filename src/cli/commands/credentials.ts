import type { Command } from 'commander';
import type { CommandRunners } from '../session/command-context.js';
import { requestOperation } from '../session/request-operation.js';

const ROTATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- rotate-credentials --tenant initech   # a tenant in database isolation
  $ npm run tenantry -- rotate-credentials --server eu-2      # the role shared by row and schema tenants of a server`;

const RESEAL_EXAMPLES = `
Before running it, put the new key first in ENCRYPTION_KEYS of every instance. Once it has succeeded, remove the old key.

Examples:
  $ npm run tenantry -- reseal`;

/** `rotate-credentials` */
export function defineRotateCredentials(command: Command, { run }: CommandRunners): void {
  command
    .option('--tenant <slug>', "this tenant's own database")
    .option('--server <name>', "this server's shared database")
    .option('--no-wait', 'only queue the operation: a running server executes it')
    .addHelpText('after', ROTATE_EXAMPLES)
    .action(({ wait, ...subject }) =>
      run((context) => requestOperation(context, { kind: 'rotate-credentials', ...subject }, wait)),
    );
}

/** `reseal` */
export function defineReseal(command: Command, { run }: CommandRunners): void {
  command
    .option('--no-wait', 'only queue the operation: a running server executes it')
    .addHelpText('after', RESEAL_EXAMPLES)
    .action(({ wait }) => run((context) => requestOperation(context, { kind: 'reseal' }, wait), { redis: true }));
}
