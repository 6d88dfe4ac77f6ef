import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, realpath, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_NAME, toDataDirectoryError } from './data-directory.js';
import { DataDirectoryUnusableError, PostgresFailedError } from './embedded.errors.js';
import { ParentWatch } from './parent-watch.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { canWriteIn, type ServiceAccount, spawnOptions } from './service-account.js';
import { removeStaging, stagingPath } from './staging.js';

const FIRST_WITH_BUILTIN_LOCALE = 17;

export interface CreateDataOptions {
  readonly dataDir: string;
  /** Folder for the data when the account cannot enter `dataDir`. */
  readonly systemDir: string;
  readonly account: ServiceAccount | undefined;
  readonly binaries: PostgresBinaries;
  readonly superuserPassword: string;
  /** False only when the data need not survive a crash of the machine. */
  readonly sync: boolean;
}

/**
 * Creates a database cluster. When another instance was faster, its cluster is kept.
 *
 * @throws DataDirectoryUnusableError, PostgresFailedError
 */
export async function createData(options: CreateDataOptions): Promise<void> {
  const staging = stagingPath(options.dataDir, DATA_NAME);
  let isLinkTarget = false;
  try {
    const inSystem = await createStagingFolder(staging, options);
    await initdb(staging, options);
    const published = await publish(staging, join(options.dataDir, DATA_NAME), inSystem);
    isLinkTarget = published && inSystem;
  } catch (error) {
    throw toDataDirectoryError(options.dataDir, error);
  } finally {
    // When `postgres` now links to the staging folder's target, only the staging link is removed.
    await (isLinkTarget ? unlink(staging) : removeStaging(staging));
  }
}

/**
 * Root's `DATA_DIR` may be in a folder that other accounts cannot enter. Then the staging folder is a link to one under
 * `systemDir`; through the link, a later start finds and removes what a crash left there.
 *
 * @returns whether the folder is under `systemDir`
 */
async function createStagingFolder(staging: string, { account, systemDir }: CreateDataOptions): Promise<boolean> {
  await createFolderOwnedBy(account, staging);
  if (await canWriteIn(account, staging)) return false;
  await rmdir(staging);
  await mkdir(systemDir, { recursive: true });
  const folder = join(systemDir, randomBytes(6).toString('hex'));
  await symlink(folder, staging);
  await createFolderOwnedBy(account, folder);
  if (await canWriteIn(account, folder)) return true;
  throw new DataDirectoryUnusableError(folder, `user ${account?.uid} cannot write there either`);
}

async function createFolderOwnedBy(account: ServiceAccount | undefined, path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o700);
  if (account) await chown(path, account.uid, account.gid);
}

async function initdb(staging: string, options: CreateDataOptions): Promise<void> {
  const { account, binaries } = options;
  const folder = await realpath(staging);
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${options.superuserPassword}\n`, { mode: 0o600, flag: 'wx' });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const { exitCode, output } = await new ParentWatch(
    binaries.initdb,
    [
      '-D',
      join(folder, 'data'),
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      ...localeOf(binaries),
      '--data-checksums', // the default from 18 on
      '--no-instructions',
      ...(options.sync ? [] : ['--no-sync']),
    ],
    spawnOptions(account),
  ).exited;
  await unlink(passwordFile);
  if (exitCode !== 0) throw new PostgresFailedError('initdb', exitCode, output);
}

/**
 * PostgreSQL's own C.UTF-8, from 17 on: the same sort order and case rules on every system. Before, the system's case rules;
 * macOS and Windows have none of that name, and there they are those of ASCII.
 */
function localeOf({ major }: PostgresBinaries): readonly string[] {
  if (Number(major) >= FIRST_WITH_BUILTIN_LOCALE) return ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return process.platform === 'linux' ? ['--lc-ctype=C.UTF-8'] : [];
}

/** @returns false when another instance's data already exists */
async function publish(staging: string, target: string, inSystem: boolean): Promise<boolean> {
  const data = join(await realpath(staging), 'data');
  try {
    await (inSystem ? symlink(data, target) : rename(data, target));
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
