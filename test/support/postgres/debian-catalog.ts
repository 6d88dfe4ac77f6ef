import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { debianPrograms } from './debian-postgres.js';
import type { TestDatabase, TestServer } from './postgres.js';

const MAJOR = 15;
const CATALOG = 'app_catalog';

/** The catalog that `runBackupScript` dumps and restores. */
export function catalogOn(server: TestServer): TestDatabase {
  const { host, port, owner, ownerPassword, superuser: user, superuserPassword: password } = server;
  return {
    name: CATALOG,
    url: `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/${CATALOG}`,
    admin: async (text, values) => {
      const client = new pg.Client({ host, port, user, password, database: CATALOG });
      await client.connect();
      try {
        return (await client.query(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    drop: () => Promise.resolve(), // with its server
  };
}

/** Runs a script of the guide for backups, as an operator does: in a folder, with the variables that the guide names. */
export function runBackupScript(
  script: string | undefined,
  { host, port, superuser, superuserPassword, owner }: TestServer,
  { folder, schema = 'tenantry' }: { readonly folder: string; readonly schema?: string },
): void {
  execFileSync('/bin/sh', ['-e', '-c', script ?? 'exit 1'], {
    cwd: folder,
    stdio: 'pipe',
    env: {
      ...{ PATH: `${debianPrograms(MAJOR)}:/usr/bin:/bin`, PGHOST: host, PGPORT: String(port), PGUSER: superuser },
      ...{ PGPASSWORD: superuserPassword, OWNER: owner, CATALOG, CATALOG_SCHEMA: schema },
    },
  });
}

/** The scripts of a guide in the order of the text. */
export function scriptsOf(guide: string): readonly string[] {
  return [...guide.matchAll(/```sh\n(.*?)```/gs)].map(([, script = '']) => script);
}
