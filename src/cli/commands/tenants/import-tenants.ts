import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { Idempotency, idempotencyKeySchema } from '../../../admin/idempotency/idempotency.js';
import { toOperationView } from '../../../admin/operations/operation.schemas.js';
import { BulkCreation } from '../../../admin/tenants/bulk-creation.js';
import { newTenants } from '../../../admin/tenants/tenant.schemas.js';
import { BULK_PATH, TENANTS_PATH } from '../../../admin/tenants/tenants-path.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import { LIMIT_NAMES } from '../../../catalog/model/limits.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { completeOperation } from '../../session/request-operation.js';
import { UsageError } from '../../terminal/cli.errors.js';
import { parseTenantFile } from '../../terminal/tenant-file.js';
import { importArchive, type ImportArchiveOptions } from '../../archives/import-archive.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants import tenants.csv
  $ npm run tenantry -- tenants import - < tenants.json
  $ npm run tenantry -- tenants import tenants.csv --idempotency-key import-4711 --no-wait
  $ npm run tenantry -- tenants import hooli.age --as hooli-2                     # an archive of "tenants export"
  $ npm run tenantry -- tenants import hooli.age --as hooli --isolation database --passphrase-stdin < passphrase

A CSV file has a header with some of: slug,isolation,server,placement,plan,domains (several are separated by spaces), and limits:
${LIMIT_NAMES.join(',')}.
A JSON file is an array of the objects that POST /admin/v1/tenants takes.`;

interface ImportOptions extends Partial<ImportArchiveOptions> {
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

/** `tenants import` */
export function defineImport(tenants: Command, { run }: CommandRunners): void {
  tenants
    .command('import <file>')
    .description(
      'create up to 1,000 tenants of a CSV or JSON file (- for stdin) with one operation; with --as, one of an archive',
    )
    .option('--as <slug>', 'the file is an archive: make this tenant of it')
    .option('--isolation <isolation>', 'of an archive: row, schema or database (default: as it was)')
    .option('--server <name>', 'of an archive: server to place the tenant on (default: the server of the catalog)')
    .option('--passphrase-stdin', 'of an archive: its passphrase is on standard input')
    .option('--identity-file <file>', 'of an archive: a file with an identity, as age-keygen writes it')
    .option('--idempotency-key <key>', 'a repeated request with the same key creates nothing')
    .option('--no-wait', 'only queue the operation: a running server provisions the tenants')
    .addHelpText('after', EXAMPLES)
    .action((file, options) => run((context) => importFile(context, file, options)));
}

async function importFile(context: CommandContext, file: string, options: ImportOptions): Promise<void> {
  const { as, isolation, server, passphraseStdin, identityFile, idempotencyKey, wait } = options;
  if (as === undefined) {
    if (isolation ?? server ?? passphraseStdin ?? identityFile) throw new UsageError('an archive needs --as <slug>');
    return importTenants(context, file, options);
  }
  if (idempotencyKey !== undefined || !wait) {
    throw new UsageError('an archive is imported by this command itself: without --idempotency-key and --no-wait');
  }
  await importArchive(context, file, { ...options, as });
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
