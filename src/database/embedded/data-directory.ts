import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { DataDirectoryUnusableError, PostgresFailedError } from './embedded.errors.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { mayWriteIn, runAs, type ServiceAccount } from './service-account.js';
import { removeAbandoned, removeStaging, stagingPath } from './staging.js';

/** The name of PostgreSQL's data in `DATA_DIR`: a folder, or root's link to a folder that the account can enter. */
const NAME = 'postgres';

export interface PostgresData {
  /** Absolute, links followed. */
  readonly path: string;
  /** What people know it as: `DATA_DIR/postgres`, perhaps a link to `path`. */
  readonly name: string;
  /** The major version that wrote it: `18`. */
  readonly major: string;
  readonly owner: ServiceAccount;
}

/** @throws DataDirectoryUnusableError */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK | constants.X_OK);
    await removeAbandoned(dataDir, NAME);
  } catch (error) {
    throw unusable(dataDir, error);
  }
}

/**
 * What an earlier start left; undefined on the first start.
 *
 * @throws DataDirectoryUnusableError when there is something that is no data of PostgreSQL, or that we cannot read
 */
export async function findData(dataDir: string): Promise<PostgresData | undefined> {
  const link = join(dataDir, NAME);
  try {
    if (!(await lstat(link).catch(ignoreMissing))) return undefined;
    const path = await realpath(link).catch(ignoreMissing);
    if (path === undefined) {
      throw new DataDirectoryUnusableError(link, 'the folder it leads to is gone; delete the link to start empty');
    }
    const entries = await readdir(path);
    if (entries.length === 0) return void (await rmdir(path)); // as good as none, and its name is needed
    if (!entries.includes('PG_VERSION')) {
      throw new DataDirectoryUnusableError(link, 'it holds something else; move that away');
    }
    const { uid, gid } = await stat(path);
    return { path, name: link, major: (await readFile(join(path, 'PG_VERSION'), 'utf8')).trim(), owner: { uid, gid } };
  } catch (error) {
    throw unusable(link, error);
  }
}

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

/** Creates a database cluster; when another copy was faster, the other's stays. */
export async function createData(options: CreateDataOptions): Promise<void> {
  const staging = stagingPath(options.dataDir, NAME);
  let kept = false;
  try {
    const inSystem = await createStagingFolder(staging, options);
    await initdb(staging, options);
    const published = await publish(staging, join(options.dataDir, NAME), inSystem);
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
  const { exitCode, output } = await runAs(account, binaries.initdb, [
    ...['-D', join(folder, 'data'), '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    // PostgreSQL's own C.UTF-8 (17 and later): the same order and case rules whatever the system has installed.
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ...['--no-instructions', ...(options.sync ? [] : ['--no-sync'])],
  ]);
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

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  ENOTDIR: 'it is no folder',
  EEXIST: 'it is no folder',
};

function unusable(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new DataDirectoryUnusableError(path, REASONS[code] ?? code, error);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
