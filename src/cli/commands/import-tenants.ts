import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { Idempotency, idempotencyKeySchema } from '../../admin/idempotency/idempotency.js';
import { toOperationView } from '../../admin/operations/operation.schemas.js';
import { BulkCreation } from '../../admin/tenants/bulk-creation.js';
import { newTenants } from '../../admin/tenants/tenant.schemas.js';
import { BULK_PATH, TENANTS_PATH } from '../../admin/tenants/tenants-path.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { completeOperation } from '../session/request-operation.js';
import { UsageError } from '../terminal/cli.errors.js';
import { parseTenantFile } from '../terminal/tenant-file.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants import tenants.csv
  $ npm run tenantry -- tenants import - < tenants.json
  $ npm run tenantry -- tenants import tenants.csv --idempotency-key import-4711 --no-wait

A CSV file has a header with some of: slug,isolation,server,domains,maxConcurrentStatements,maxQueuedStatements (several
domains are separated by spaces). A JSON file is an array of the objects that POST /admin/v1/tenants takes.`;

interface ImportOptions {
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

/** `tenants import` */
export function defineImport(tenants: Command, { run }: CommandRunners): void {
  tenants
    .command('import <file>')
    .description('create up to 1,000 tenants of a CSV or JSON file (- for stdin) with one operation: all or none')
    .option('--idempotency-key <key>', 'a repeated request with the same key creates nothing')
    .option('--no-wait', 'only queue the operation: a running server provisions the tenants')
    .addHelpText('after', EXAMPLES)
    .action((file, options) => run((context) => importTenants(context, file, options)));
}

async function importTenants(context: CommandContext, file: string, options: ImportOptions): Promise<void> {
  const { session, actor } = context;
  const body = parseOrThrow(newTenants, { tenants: parseTenantFile(await contentOf(file)) });
  const key = parseOrThrow(idempotencyKeySchema, options.idempotencyKey);
  // The same action name as over REST, so that an idempotency key stands for one request on either interface.
  const request = { key, action: `POST ${TENANTS_PATH}/${BULK_PATH}`, body };
  const { id } = await session
    .get(Idempotency)
    .run(request, async (catalog) => toOperationView(await session.get(BulkCreation).create(catalog, body, actor)));
  await completeOperation(context, id, options.wait);
}

async function contentOf(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read ${file}`, { cause: error });
  }
}
