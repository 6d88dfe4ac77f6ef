import { describe, expect, it } from '@jest/globals';
import type { AppConfig, EncryptionKey } from '../../../../src/platform/config/app-config.js';
import { KeyRing, DecryptionError } from '../../../../src/platform/encryption/key-ring.js';

const key = (id: string, fill: number): EncryptionKey => ({ id, key: Buffer.alloc(32, fill) });
const ring = (...encryptionKeys: EncryptionKey[]): KeyRing =>
  new KeyRing({ security: { encryptionKeys } } as unknown as AppConfig);

const CONTEXT = 'servers:1:owner_password_sealed';

describe('a key ring', () => {
  it('decrypts its own ciphertext in the context it was encrypted for', () => {
    const keys = ring(key('a', 1));
    expect(keys.decrypt(keys.encrypt('pässword', CONTEXT), CONTEXT)).toBe('pässword');
  });

  it('encrypts the same value differently every time, without showing any of it', () => {
    const keys = ring(key('a', 1));
    const encrypted = [keys.encrypt('password', CONTEXT), keys.encrypt('password', CONTEXT)];
    expect(encrypted[0]).not.toBe(encrypted[1]);
    expect(encrypted.join()).not.toContain('password');
  });

  it('encrypts with its first key and decrypts with every key', () => {
    const old = ring(key('old', 1)).encrypt('password', CONTEXT);
    const rotated = ring(key('new', 2), key('old', 1));
    expect(rotated.decrypt(old, CONTEXT)).toBe('password');
    expect(rotated.encrypt('password', CONTEXT)).toMatch(/^new\./);
  });

  it('re-encrypts only values that its first key did not encrypt', () => {
    const old = ring(key('new-er', 1)).encrypt('password', CONTEXT);
    const rotated = ring(key('new', 2), key('new-er', 1));
    expect(rotated.isCurrent(old)).toBe(false);
    const reEncrypted = rotated.reEncrypt(old, CONTEXT);
    expect(rotated.isCurrent(reEncrypted)).toBe(true);
    expect(ring(key('new', 2)).decrypt(reEncrypted, CONTEXT)).toBe('password');
    expect(rotated.reEncrypt(reEncrypted, CONTEXT)).toBe(reEncrypted);
    expect(['', 'new', 'x.new.abc'].map((text) => rotated.isCurrent(text))).toEqual([false, false, false]);
  });

  it('does not re-encrypt a value that it cannot decrypt or that was moved', () => {
    const old = ring(key('old', 1)).encrypt('password', CONTEXT);
    expect(() => ring(key('new', 2)).reEncrypt(old, CONTEXT)).toThrow(DecryptionError);
    expect(() => ring(key('new', 2), key('old', 1)).reEncrypt(old, 'elsewhere')).toThrow(DecryptionError);
  });

  const keys = ring(key('a', 1));
  const encrypted = keys.encrypt('password', CONTEXT);
  const flipped = `${encrypted.slice(0, -1)}${encrypted.endsWith('A') ? 'B' : 'A'}`;
  it.each([
    ['moved to another row', () => keys.decrypt(encrypted, 'servers:2:owner_password_sealed')],
    ['moved to another column', () => keys.decrypt(encrypted, 'servers:1:other')],
    [
      'changed',
      () =>
        keys.decrypt(
          flipped.replace(/^(a\..{20})./, (_all, head) => `${head}_`),
          CONTEXT,
        ),
    ],
    ['cut short', () => keys.decrypt(encrypted.slice(0, 12), CONTEXT)],
    ['empty', () => keys.decrypt('', CONTEXT)],
    ['encrypted with a key that the ring does not have', () => ring(key('b', 1)).decrypt(encrypted, CONTEXT)],
    ['encrypted with another key of the same name', () => ring(key('a', 9)).decrypt(encrypted, CONTEXT)],
  ])('does not decrypt a value that was %s', (_how, decrypt) => {
    expect(decrypt).toThrow(DecryptionError);
    expect(decrypt).toThrow(expect.objectContaining({ message: expect.not.stringContaining('password"') }));
  });
});
