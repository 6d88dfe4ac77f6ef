import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SECRETS_FILE } from '../../platform/data-dir/generated-secrets.js';
import type { PlanBuilder } from './plan-builder.js';

const EXAMPLE = [
  '# Tenantry. Its catalog, and the server of the tenants: a role with CREATEDB and CREATEROLE. Not set: embedded PostgreSQL.',
  'DATABASE_URL=postgres://user:password@localhost:5432/database',
  '# Keys that encrypt secrets at rest, as id:base64 with 32 bytes each (openssl rand -base64 32).',
  'ENCRYPTION_KEYS=first:generate-one-for-each-environment',
  '# true with Redis at REDIS_URL.',
  'ENABLE_REDIS_CACHE=false',
];

/** `.env` with generated keys, `.env.example` with placeholders, and both what git must not see. */
export async function planEnvironment(plan: PlanBuilder, env: NodeJS.ProcessEnv): Promise<void> {
  const dotenv = await plan.text('.env');
  const key = `first:${randomBytes(32).toString('base64')}`;
  const values = {
    ENABLE_REDIS_CACHE: 'false',
    ...(hasGeneratedKeys(plan) || env['ENCRYPTION_KEYS'] ? {} : { ENCRYPTION_KEYS: key }),
  };
  const added = Object.entries(values).flatMap(([name, value]) => (assigns(dotenv, name) ? [] : [`${name}=${value}`]));
  plan.addChange({ path: '.env', before: dotenv, after: appended(dotenv, added), secrets: [key] });

  const example = await plan.text('.env.example');
  plan.addChange({ path: '.env.example', before: example, after: appended(example, missingExample(example)) });

  const ignored = await plan.text('.gitignore');
  const lines = ['.env', '.data/'].filter((name) => !ignores(ignored, name));
  plan.addChange({ path: '.gitignore', before: ignored, after: appended(ignored, lines) });
}

/** Other keys would make what is encrypted already unreadable. */
function hasGeneratedKeys({ project }: PlanBuilder): boolean {
  return existsSync(join(project.root, '.data', SECRETS_FILE));
}

/** Each variable with the comment above it; one that is mentioned, in a comment too, is left out. */
function missingExample(example: string | undefined): string[] {
  return EXAMPLE.flatMap((line, index) => {
    const name = /^([A-Z_]+)=/.exec(line)?.[1];
    if (name === undefined || new RegExp(`^[\\s#]*(?:export\\s+)?${name}\\s*=`, 'm').test(example ?? '')) return [];
    return [EXAMPLE[index - 1] ?? '', line];
  });
}

function assigns(text: string | undefined, name: string): boolean {
  return new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`, 'm').test(text ?? '');
}

function ignores(text: string | undefined, name: string): boolean {
  const bare = name.replace(/\/$/, '');
  return (text ?? '').split(/\r?\n/).some((line) => line.trim().replaceAll(/^\/|\/$/g, '') === bare);
}

/** In the file's own line breaks. */
function appended(text: string | undefined, lines: readonly string[]): string {
  const former = text ?? '';
  if (lines.length === 0) return former;
  const lineBreak = former.includes('\r\n') ? '\r\n' : '\n';
  const gap = former === '' || former.endsWith('\n') ? '' : lineBreak;
  return `${former}${gap}${lines.map((line) => line + lineBreak).join('')}`;
}
