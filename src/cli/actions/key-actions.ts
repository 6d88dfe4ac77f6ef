import { type ApiKeyView, apiKeyId, newApiKeyRequest } from '../../admin/api-keys/api-key.schemas.js';
import { ApiKeys } from '../../admin/api-keys/api-keys.js';
import { Idempotency } from '../../admin/idempotency/idempotency.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { TENANTS_PATH } from '../../admin/tenants/tenants-path.js';
import type { CommandContext } from '../session/command-context.js';
import { idempotencyKeyShape } from '../session/idempotency-key.js';

interface CreateOptions {
  readonly name?: string;
  readonly expiresInDays?: number;
  readonly idempotencyKey?: string;
}

const COLUMNS = [
  { title: 'ID', of: (key: ApiKeyView) => key.id },
  { title: 'NAME', of: (key: ApiKeyView) => key.name },
  { title: 'CREATED', of: (key: ApiKeyView) => key.createdAt },
  { title: 'EXPIRES', of: (key: ApiKeyView) => key.expiresAt },
  { title: 'REVOKED', of: (key: ApiKeyView) => key.revokedAt },
];

export async function list({ output, session }: CommandContext, slug: string): Promise<void> {
  const items = await session.get(ApiKeys).list(slug);
  output.answer(items, () => output.table(items, COLUMNS, 'no API keys'));
}

export async function create(context: CommandContext, slug: string, options: CreateOptions): Promise<void> {
  const { output, session, actor } = context;
  const { idempotencyKey, ...asked } = options;
  const body = parseOrThrow(newApiKeyRequest, asked);
  const request = {
    key: parseOrThrow(idempotencyKeyShape, idempotencyKey),
    action: `POST ${TENANTS_PATH}/${slug}/api-keys`,
    body,
  };
  const key = await session
    .get(Idempotency)
    .once(request, (catalog) => session.get(ApiKeys).issue(catalog, slug, body, actor));
  output.answer(key, () => [key.token]);
  output.note(`API key ${key.id} of ${slug}. It is shown this once: only a hash of it is kept.`);
}

export async function revoke({ output, session, actor }: CommandContext, slug: string, id: string): Promise<void> {
  const key = await session.get(ApiKeys).revoke(slug, parseOrThrow(apiKeyId, id), actor);
  output.answer(key, () => [`${key.id} is revoked`]);
}
