import type { Command } from 'commander';
import { newClone } from '../../../admin/clones/clone.schemas.js';
import { Clones } from '../../../admin/clones/clones.js';
import { Idempotency, idempotencyKeySchema } from '../../../admin/idempotency/idempotency.js';
import { OperationRecords } from '../../../admin/operations/operation-records.js';
import { toOperationView } from '../../../admin/operations/operation.schemas.js';
import { TenantRecords } from '../../../admin/tenants/tenant-records.js';
import { TENANTS_PATH } from '../../../admin/tenants/tenants-path.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { noteRequested, runToCompletion } from '../../session/run-to-completion.js';
import { describeTenant } from '../../terminal/describe-tenant.js';
import { repeated } from '../../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants clone hooli --as hooli-staging
  $ npm run tenantry -- tenants clone hooli --as hooli-support --isolation schema --masked`;

interface CloneOptions {
  readonly as: string;
  readonly isolation?: string;
  readonly server?: string;
  readonly domain?: readonly string[];
  readonly masked?: boolean;
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

/** `tenants clone` */
export function defineClone(tenants: Command, { run }: CommandRunners): void {
  tenants
    .command('clone <slug>')
    .description('create a tenant with the rows of another one, which goes on working')
    .requiredOption('--as <slug>', 'slug of the new tenant')
    .option('--isolation <isolation>', 'row, schema or database (default: as the tenant that is cloned)')
    .option('--server <name>', 'server to place it on (default: where the tenant is that is cloned)')
    .option('--domain <name>', 'host name of the new tenant; may be repeated', repeated)
    .option('--masked', 'replace values by the masks that the application declares')
    .option('--idempotency-key <key>', 'a repeated request with the same key creates nothing')
    .option('--no-wait', 'only queue the operation: a running server clones the tenant')
    .addHelpText('after', EXAMPLES)
    .action((slug, options) => run((context) => clone(context, slug, options)));
}

async function clone(context: CommandContext, source: string, options: CloneOptions): Promise<void> {
  const { session, actor, output } = context;
  const { as: slug, isolation, server, domain, masked, wait } = options;
  const body = parseOrThrow(newClone, { slug, isolation, server, domains: domain, masked });
  const key = parseOrThrow(idempotencyKeySchema, options.idempotencyKey);
  // The same action name as over REST, so that an idempotency key stands for one request on either interface.
  const request = { key, action: `POST ${TENANTS_PATH}/${source}/clone`, body };
  const created = await session.get(Idempotency).run(request, async (catalog) => {
    const { tenant, operation } = await session.get(Clones).create(catalog, source, body, actor);
    return { tenant, operation: toOperationView(operation) };
  });
  const printResult = async (): Promise<void> => {
    const [tenant, operation] = await Promise.all([
      session.get(TenantRecords).read(created.tenant.id),
      session.get(OperationRecords).read(created.operation.id),
    ]);
    output.print({ tenant, operation }, () => describeTenant(tenant));
  };
  await runToCompletion(context, created.operation.id, { wait, printResult });
  if (!wait) noteRequested(context, created.operation.id);
}
