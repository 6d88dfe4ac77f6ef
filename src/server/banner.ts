import type { Application } from './application.js';

const ISOLATIONS = { row: 'shared tables', schema: 'a schema of its own', database: 'a database of its own' } as const;

/** What a newcomer sees: where the service is, and commands that work when pasted. */
export function banner({ url, demoTenants }: Pick<Application, 'url' | 'demoTenants'>, dataDir: string): string {
  const calls = demoTenants.map(
    ({ slug, isolation, apiKey }) =>
      `  # ${slug}: ${ISOLATIONS[isolation]}\n  curl -H 'Authorization: Bearer ${apiKey}' '${url}/api/v1/orders?limit=2'\n`,
  );
  return [
    '',
    `  Tenantry serves ${demoTenants.length} demo tenants at ${url} (API documentation: ${url}/docs)`,
    '',
    ...calls,
    `  Their keys and the admin key are in ${dataDir}/demo.json. Ctrl-C stops everything.`,
    '',
  ].join('\n');
}
