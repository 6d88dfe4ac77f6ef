import { join } from 'node:path';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { SECRETS_FILE } from '../platform/data-dir/generated-secrets.js';
import type { StartedDemo } from './application.js';

const ISOLATIONS = { row: 'shared tables', schema: 'its own schema', database: 'its own database' } as const;

/** Text for first-time users: the URL of the service, and commands ready to be pasted. */
export function banner(url: string, { tenants, examplePath }: StartedDemo, dataDir: string): string {
  const calls = tenants.map(
    ({ slug, isolation, apiKey }) =>
      `  # ${slug}: ${ISOLATIONS[isolation]}\n  curl -H 'Authorization: Bearer ${apiKey}' '${url}${examplePath}'\n`,
  );
  return [
    '',
    `  Tenantry is running at ${url} with ${tenants.length} demo tenants (API documentation: ${url}/docs)`,
    '',
    ...calls,
    `  Their API keys and the admin key are in ${dataDir}/demo.json. Press Ctrl-C to stop.`,
    '',
  ].join('\n');
}

/** The same without demo tenants: where the admin key is, and how the first tenant is made while there is none. */
export function nextSteps(url: string, { config, sources }: LoadedConfig, hasTenants: boolean): string {
  const source = sources.ADMIN_API_KEY;
  const place =
    source === 'generated'
      ? `in ${join(config.dataDir, SECRETS_FILE)}`
      : `the value of ADMIN_API_KEY${source === '.env' ? ' in .env' : ''}`;
  const docs = config.features.apiDocs ? ` (API documentation: ${url}/docs)` : '';
  const running = `  Tenantry is running at ${url}${docs}. The admin key is ${place}.`;
  if (hasTenants) return ['', running, ''].join('\n');
  return [
    '',
    `${running} A first tenant, and a key for it:`,
    '',
    '  npm run tenantry -- tenants create acme --isolation row',
    '  npm run tenantry -- keys create acme',
    '',
    `  curl -H 'Authorization: Bearer <the key>' ${url}/api/v1/tenant`,
    '',
  ].join('\n');
}
