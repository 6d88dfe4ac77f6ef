/**
 * Who can read an archive that is being written: those who know the passphrase, or have the identity of a recipient
 * (`age1…`).
 */
export type ArchiveLock = PassphraseLock | { readonly recipients: readonly string[] };

interface PassphraseLock {
  readonly passphrase: string;
  /** The logarithm of scrypt's cost to the base 2; default 18: 256 MiB of memory and about a second. */
  readonly workFactor?: number;
}

/** What opens an archive: its passphrase, or one of these identities (`AGE-SECRET-KEY-1…`). */
export type ArchiveKey = { readonly passphrase: string } | { readonly identities: readonly string[] };

/** An identity and its recipient, in the form of age (https://age-encryption.org/v1). */
export interface ArchiveIdentity {
  /** Secret: `AGE-SECRET-KEY-1…`. */
  readonly identity: string;
  /** Public: `age1…`. */
  readonly recipient: string;
}

/** A new identity at random. */
export async function newIdentity(): Promise<ArchiveIdentity> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** @param key 32 bytes of randomness, or derived from such */
export async function identityOf(key: Uint8Array): Promise<ArchiveIdentity> {
  const [{ identityToRecipient }, { bech32 }] = await Promise.all([import('age-encryption'), import('@scure/base')]);
  const identity = bech32.encodeFromBytes('AGE-SECRET-KEY-', key).toUpperCase();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** Whether an archive can be written for all of these recipients together, by writing one of nothing. */
export async function areRecipients(recipients: readonly string[]): Promise<boolean> {
  const { Encrypter } = await import('age-encryption');
  try {
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    await encrypter.encrypt(new Uint8Array());
    return true;
  } catch {
    return false;
  }
}
