import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import { removeFolder, temporaryFolder } from './embedded-server.js';

export const debianPrograms = (major: number): string => `/usr/lib/postgresql/${major}/bin`;

export function hasDebianPostgres(major: number): boolean {
  return existsSync(join(debianPrograms(major), 'postgres'));
}

/**
 * Runs a query without line breaks on an empty cluster of Debian's PostgreSQL, in single-user mode: no server is started.
 *
 * @returns the values of the first column
 */
export async function queryDebianPostgres(major: number, query: string): Promise<string[]> {
  const folder = await temporaryFolder();
  const account = await findServiceAccount(undefined);
  const options = { ...spawnOptions(account), encoding: 'utf8' as const, stdio: 'pipe' as const };
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (account) chownSync(data, account.uid, account.gid);
  try {
    const settings = ['--username=postgres', '--auth=reject', '--encoding=UTF8', '--no-sync'];
    execFileSync(join(debianPrograms(major), 'initdb'), ['-D', data, ...settings], options);
    const output = execFileSync(join(debianPrograms(major), 'postgres'), ['--single', '-D', data, 'postgres'], {
      ...options,
      input: `${query}\n`,
    });
    return [...output.matchAll(/^\t 1: \w+ = "(.*?)"\t/gm)].map(([, value = '']) => value);
  } finally {
    await removeFolder(folder);
  }
}
