import { readFile } from 'node:fs/promises';
import { InstallationKeys } from '../../admin/archives/installation-keys.js';
import type { ArchiveKey, ArchiveLock } from '../../database/archives/format/locks.js';
import type { CommandContext } from '../session/command-context.js';
import { secretInput } from '../session/secret-input.js';
import { UsageError } from '../terminal/cli.errors.js';

export const PASSPHRASE_VARIABLE = 'ARCHIVE_PASSPHRASE';
const RECIPIENT = /^age1[a-z0-9]{20,2000}$/;
const IDENTITY = /^AGE-SECRET-KEY-1[A-Z0-9]+$/;

export interface LockOptions {
  readonly passphraseStdin?: boolean;
  readonly recipient?: readonly string[];
}

export interface KeyOptions {
  readonly passphraseStdin?: boolean;
  readonly identityFile?: string;
}

/** Who can read an archive that is written: by default this installation. @throws UsageError */
export async function lockOf(context: CommandContext, options: LockOptions): Promise<ArchiveLock> {
  const passphrase = await passphraseOf(context, options.passphraseStdin ?? false);
  const recipients = options.recipient ?? [];
  if (passphrase !== undefined && recipients.length > 0) {
    throw new UsageError('an archive is for a passphrase or for recipients, not both');
  }
  const wrong = recipients.find((text) => !RECIPIENT.test(text));
  if (wrong !== undefined) throw new UsageError('a recipient begins with age1');
  if (passphrase !== undefined) return { passphrase };
  return { recipients: recipients.length > 0 ? recipients : [await context.session.get(InstallationKeys).recipient()] };
}

/** What opens an archive: by default this installation's identities. @throws UsageError */
export async function keyOf(
  context: CommandContext,
  { passphraseStdin, identityFile }: KeyOptions,
): Promise<ArchiveKey> {
  const passphrase = await passphraseOf(context, passphraseStdin ?? false);
  if (passphrase !== undefined && identityFile !== undefined) {
    throw new UsageError('an archive is opened by a passphrase or an identity, not both');
  }
  if (passphrase !== undefined) return { passphrase };
  if (identityFile !== undefined) return { identities: await identitiesIn(identityFile) };
  const own = await context.session.get(InstallationKeys).identities();
  return { identities: own.map(({ identity }) => identity) };
}

function passphraseOf({ terminal }: CommandContext, fromStdin: boolean): Promise<string | undefined> {
  return secretInput(terminal, { variable: PASSPHRASE_VARIABLE, option: '--passphrase-stdin', fromStdin });
}

/** A file as age-keygen writes it: comments, and an identity a line. */
async function identitiesIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read ${file}`, { cause: error });
  });
  const identities = text.split(/\r?\n/).filter((line) => IDENTITY.test(line));
  if (identities.length === 0) throw new UsageError(`${file} has no line that begins with AGE-SECRET-KEY-1`);
  return identities;
}
