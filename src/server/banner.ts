import type { StartedDemo } from './application.js';

const ISOLATIONS = { row: 'shared tables', schema: 'a schema of its own', database: 'a database of its own' } as const;

/** What a newcomer sees: where the service is, and commands that work when pasted. */
export function banner(url: string, { tenants, examplePath }: StartedDemo, dataDir: string): string {
  const calls = tenants.map(
    ({ slug, isolation, apiKey }) =>
      `  # ${slug}: ${ISOLATIONS[isolation]}\n  curl -H 'Authorization: Bearer ${apiKey}' '${url}${examplePath}'\n`,
  );
  return [
    '',
    `  Tenantry serves ${tenants.length} demo tenants at ${url} (API documentation: ${url}/docs)`,
    '',
    ...calls,
    `  Their keys and the admin key are in ${dataDir}/demo.json. Ctrl-C stops everything.`,
    '',
  ].join('\n');
}
