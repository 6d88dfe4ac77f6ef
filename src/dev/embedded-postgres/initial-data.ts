import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, realpath, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_NAME, unusable } from './data-directory.js';
import { DataDirectoryUnusableError, PostgresFailedError } from './embedded.errors.js';
import { ParentWatch } from './parent-watch.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { mayWriteIn, type ServiceAccount, spawnOptions } from './service-account.js';
import { removeStaging, stagingPath } from './staging.js';

export interface CreateDataOptions {
  readonly dataDir: string;
  /** Where the data goes when the account cannot enter `dataDir`. */
  readonly systemDir: string;
  readonly account: ServiceAccount | undefined;
  readonly binaries: PostgresBinaries;
  readonly superuserPassword: string;
  /** False only where the data need not survive the machine. */
  readonly sync: boolean;
}

/**
 * Creates a database cluster; when another copy was faster, the other's stays.
 *
 * @throws DataDirectoryUnusableError, PostgresFailedError
 */
export async function createData(options: CreateDataOptions): Promise<void> {
  const staging = stagingPath(options.dataDir, DATA_NAME);
  let kept = false;
  try {
    const inSystem = await createStagingFolder(staging, options);
    await initdb(staging, options);
    const published = await publish(staging, join(options.dataDir, DATA_NAME), inSystem);
    kept = published && inSystem;
  } catch (error) {
    throw unusable(options.dataDir, error);
  } finally {
    // When the data stays where the staging link leads, only the link goes.
    await (kept ? unlink(staging) : removeStaging(staging));
  }
}

/**
 * Root's `DATA_DIR` may lie where nobody else may enter. Then the staging folder is a link to one under `systemDir`;
 * through the link a later start finds and removes what a crash leaves there.
 *
 * @returns whether it lies under `systemDir`
 */
async function createStagingFolder(staging: string, { account, systemDir }: CreateDataOptions): Promise<boolean> {
  await createFolderOf(account, staging);
  if (await mayWriteIn(account, staging)) return false;
  await rmdir(staging);
  await mkdir(systemDir, { recursive: true });
  const folder = join(systemDir, randomBytes(6).toString('hex'));
  await symlink(folder, staging);
  await createFolderOf(account, folder);
  if (await mayWriteIn(account, folder)) return true;
  throw new DataDirectoryUnusableError(folder, `user ${account?.uid} cannot write there either`);
}

async function createFolderOf(account: ServiceAccount | undefined, path: string): Promise<void> {
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
      ...['-D', join(folder, 'data'), '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
      // PostgreSQL's own C.UTF-8 (17 and later): the same order and case rules whatever the system has installed.
      ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...['--no-instructions', ...(options.sync ? [] : ['--no-sync'])],
    ],
    spawnOptions(account),
  ).ended;
  await unlink(passwordFile);
  if (exitCode !== 0) throw new PostgresFailedError('initdb', exitCode, output);
}

/** @returns false when another copy's data is there already */
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
