import type { Command } from 'commander';
import { type ApiKeyView, apiKeyId, newApiKeyRequest } from '../../admin/api-keys/api-key.schemas.js';
import { ApiKeys } from '../../admin/api-keys/api-keys.js';
import { Idempotency, idempotencyKeySchema } from '../../admin/idempotency/idempotency.js';
import { TENANTS_PATH } from '../../admin/tenants/tenants-path.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- keys hooli
  $ npm run tenantry -- keys create hooli --name "billing service" --expires-in-days 365
  $ npm run tenantry -- keys revoke hooli 0123456789abcdef`;

/** `keys …` */
export function defineKeys(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list <slug>', { isDefault: true })
    .description('list the API keys of a tenant (default)')
    .action((slug) => run((context) => list(context, slug)));
  command
    .command('create <slug>')
    .description('issue an API key; it is shown only once')
    .option('--name <text>', 'what the key is for')
    .option('--expires-in-days <n>', 'days until it expires (default: never)', wholeNumber)
    .option('--idempotency-key <key>', 'a repeated request with the same key returns the same API key')
    .action((slug, options) => run((context) => create(context, slug, options)));
  command
    .command('revoke <slug> <id>')
    .description('revoke an API key; takes effect on all instances within a second')
    .action((slug, id) => run((context) => revoke(context, slug, id)));
}

interface CreateOptions {
  readonly name?: string;
  readonly expiresInDays?: number;
  readonly idempotencyKey?: string;
}

const COLUMNS = [
  { title: 'ID', value: (key: ApiKeyView) => key.id },
  { title: 'NAME', value: (key: ApiKeyView) => key.name },
  { title: 'CREATED', value: (key: ApiKeyView) => key.createdAt },
  { title: 'EXPIRES', value: (key: ApiKeyView) => key.expiresAt },
  { title: 'REVOKED', value: (key: ApiKeyView) => key.revokedAt },
];

async function list({ output, session }: CommandContext, slug: string): Promise<void> {
  const items = await session.get(ApiKeys).list(slug);
  output.print(items, () => output.table(items, COLUMNS, 'no API keys'));
}

async function create(context: CommandContext, slug: string, options: CreateOptions): Promise<void> {
  const { output, session, actor } = context;
  const { idempotencyKey, ...fields } = options;
  const body = parseOrThrow(newApiKeyRequest, fields);
  const request = {
    key: parseOrThrow(idempotencyKeySchema, idempotencyKey),
    action: `POST ${TENANTS_PATH}/${slug}/api-keys`,
    body,
  };
  const key = await session
    .get(Idempotency)
    .run(request, (catalog) => session.get(ApiKeys).issue(catalog, slug, body, actor));
  output.print(key, () => [key.token]);
  output.note(`API key ${key.id} of ${slug}. Store it now: only its hash is kept, so it cannot be shown again.`);
}

async function revoke({ output, session, actor }: CommandContext, slug: string, id: string): Promise<void> {
  const key = await session.get(ApiKeys).revoke(slug, parseOrThrow(apiKeyId, id), actor);
  output.print(key, () => [`${key.id} is revoked`]);
}
