import { Command } from 'commander';
import type { CommandContext, RunCommand } from '../session/command-context.js';
import { repeated, seconds, wholeNumber } from '../terminal/values.js';

type Actions = typeof import('../actions/tenant-actions.js');
type LifecycleActions = typeof import('../actions/tenant-lifecycle-actions.js');
type Work<Of> = (actions: Of, context: CommandContext) => Promise<void>;

const GROUP_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants --status active --server eu-2
  $ npm run tenantry -- tenants create hooli --isolation schema --domain shop.hooli.com
  $ npm run tenantry -- tenants maintenance hooli --message "back at 14:00 UTC"
  $ npm run tenantry -- tenants delete hooli --grace 7d`;

const CREATE_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants create hooli --isolation row
  $ npm run tenantry -- tenants create hooli --isolation database --server eu-2 --max-concurrent 5
  $ npm run tenantry -- tenants create hooli --isolation schema --idempotency-key signup-4711 --no-wait`;

const DELETE_EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants delete hooli                   # its data goes after 7 days
  $ npm run tenantry -- tenants restore hooli                  # until then
  $ npm run tenantry -- tenants delete hooli --grace 0 --yes   # its data goes now`;

/** `tenants …` */
export function tenantCommands(run: RunCommand): Command {
  const act = (work: Work<Actions>): Promise<void> =>
    run(async (context) => work(await import('../actions/tenant-actions.js'), context));
  const lead = (work: Work<LifecycleActions>): Promise<void> =>
    run(async (context) => work(await import('../actions/tenant-lifecycle-actions.js'), context));

  const group = new Command('tenants')
    .description('list tenants, and change their lives')
    .addHelpText('after', GROUP_EXAMPLES);

  group
    .command('list', { isDefault: true })
    .description('a table of tenants; what a bare "tenants" does')
    .option('--status <status>', 'provisioning, active, suspended, maintenance, moving, deleting or failed')
    .option('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'those on this server')
    .option('--search <text>', 'those with this in their slug')
    .option('--limit <n>', 'how many (default: 100)')
    .option('--cursor <cursor>', 'go on behind another page')
    .option('--all', 'all pages')
    .action((options) => act((actions, context) => actions.list(context, options)));

  group
    .command('create <slug>')
    .description('create a tenant, and see its provisioning through')
    .requiredOption('--isolation <isolation>', 'row, schema or database')
    .option('--server <name>', 'the server it shall live on (default: the one of the catalog)')
    .option('--domain <name>', 'a host name of its own; may be repeated', repeated)
    .option('--max-concurrent <n>', 'statements that it may run at once', wholeNumber)
    .option('--max-queued <n>', 'statements that may wait', wholeNumber)
    .option('--idempotency-key <key>', 'sent again with the same key, it creates nothing more')
    .option('--no-wait', 'only ask for it: a running server provisions it')
    .addHelpText('after', CREATE_EXAMPLES)
    .action((slug, options) => act((actions, context) => actions.create(context, slug, options)));

  group
    .command('show <slug>')
    .description('everything about a tenant, by slug or id')
    .action((slug) => act((actions, context) => actions.show(context, slug)));

  group
    .command('set <slug>')
    .description('change its limits or domains')
    .option('--domain <name>', 'a host name of its own, instead of those it has; may be repeated', repeated)
    .option('--no-domains', 'take all host names away')
    .option('--max-concurrent <n>', 'statements that it may run at once', wholeNumber)
    .option('--max-queued <n>', 'statements that may wait', wholeNumber)
    .option('--default-limits', 'take limits of its own away')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run tenantry -- tenants set hooli --max-concurrent 5 --domain shop.hooli.com',
    )
    .action((slug, options) => act((actions, context) => actions.set(context, slug, options)));

  group
    .command('suspend <slug>')
    .description('end its service at once, everywhere')
    .action((slug) => lead((actions, context) => actions.suspend(context, slug)));

  group
    .command('resume <slug>')
    .description('end a suspension')
    .action((slug) => lead((actions, context) => actions.resume(context, slug)));

  group
    .command('maintenance <slug>')
    .description('ask its callers to come back later')
    .option('--message <text>', 'shown to callers meanwhile')
    .action((slug, options) => lead((actions, context) => actions.beginMaintenance(context, slug, options)));

  group
    .command('maintenance-end <slug>')
    .description('serve it again')
    .action((slug) => lead((actions, context) => actions.endMaintenance(context, slug)));

  group
    .command('delete <slug>')
    .description('end its service at once, and remove its data after a while')
    .option('--grace <time>', 'until its data is removed: 7d, 12h, 3600s, 0 (default: 7d)', seconds)
    .option('--yes', 'do not ask')
    .option('--no-wait', 'with --grace 0: only ask for it; a running server removes the data')
    .addHelpText('after', DELETE_EXAMPLES)
    .action((slug, options) => lead((actions, context) => actions.remove(context, slug, options)));

  group
    .command('restore <slug>')
    .description('undo a deletion that has not begun to remove data')
    .action((slug) => lead((actions, context) => actions.restore(context, slug)));

  return group;
}
