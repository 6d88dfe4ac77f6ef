import type { AppConfig, EncryptionKey } from '../../../src/platform/config/app-config.js';
import { KeyRing } from '../../../src/platform/encryption/key-ring.js';

const key = (id: string, fill: number): EncryptionKey => ({ id, key: Buffer.alloc(32, fill) });

function ringOf(...encryptionKeys: EncryptionKey[]): KeyRing {
  return new KeyRing({ security: { encryptionKeys } } as unknown as AppConfig);
}

export const OLD_KEY = key('old', 1);
export const NEW_KEY = key('new', 2);

/** Before a rotation of `ENCRYPTION_KEYS`, during it, and after the old key was removed. */
export const BEFORE = ringOf(OLD_KEY);
export const DURING = ringOf(NEW_KEY, OLD_KEY);
export const AFTER = ringOf(NEW_KEY);
export const STRANGER = ringOf(key('lost', 3));
