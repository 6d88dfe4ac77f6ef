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
