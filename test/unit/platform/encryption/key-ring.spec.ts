import { describe, expect, it } from '@jest/globals';
import type { AppConfig, EncryptionKey } from '../../../../src/platform/config/app-config.js';
import { KeyRing, DecryptionError } from '../../../../src/platform/encryption/key-ring.js';

const key = (id: string, fill: number): EncryptionKey => ({ id, key: Buffer.alloc(32, fill) });
const ring = (...encryptionKeys: EncryptionKey[]): KeyRing =>
  new KeyRing({ security: { encryptionKeys } } as unknown as AppConfig);

const PLACE = 'servers:1:owner_password_sealed';

describe('a key ring', () => {
  it('opens what it sealed, at the place it was sealed for', () => {
    const keys = ring(key('a', 1));
    expect(keys.decrypt(keys.encrypt('pässword', PLACE), PLACE)).toBe('pässword');
  });

  it('seals the same value differently every time, and shows nothing of it', () => {
    const keys = ring(key('a', 1));
    const sealed = [keys.encrypt('password', PLACE), keys.encrypt('password', PLACE)];
    expect(sealed[0]).not.toBe(sealed[1]);
    expect(sealed.join()).not.toContain('password');
  });

  it('seals with the first key and opens with every key of the ring', () => {
    const old = ring(key('old', 1)).encrypt('password', PLACE);
    const rotated = ring(key('new', 2), key('old', 1));
    expect(rotated.decrypt(old, PLACE)).toBe('password');
    expect(rotated.encrypt('password', PLACE)).toMatch(/^new\./);
  });

  it('knows what its first key sealed, and seals anything else anew', () => {
    const old = ring(key('new-er', 1)).encrypt('password', PLACE);
    const rotated = ring(key('new', 2), key('new-er', 1));
    expect(rotated.isCurrent(old)).toBe(false);
    const anew = rotated.reEncrypt(old, PLACE);
    expect(rotated.isCurrent(anew)).toBe(true);
    expect(ring(key('new', 2)).decrypt(anew, PLACE)).toBe('password');
    expect(rotated.reEncrypt(anew, PLACE)).toBe(anew);
    expect(['', 'new', 'x.new.abc'].map((text) => rotated.isCurrent(text))).toEqual([false, false, false]);
  });

  it('does not seal anew what it cannot open, or what was moved', () => {
    const old = ring(key('old', 1)).encrypt('password', PLACE);
    expect(() => ring(key('new', 2)).reEncrypt(old, PLACE)).toThrow(DecryptionError);
    expect(() => ring(key('new', 2), key('old', 1)).reEncrypt(old, 'elsewhere')).toThrow(DecryptionError);
  });

  const keys = ring(key('a', 1));
  const sealed = keys.encrypt('password', PLACE);
  const flipped = `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`;
  it.each([
    ['moved to another row', () => keys.decrypt(sealed, 'servers:2:owner_password_sealed')],
    ['moved to another column', () => keys.decrypt(sealed, 'servers:1:other')],
    [
      'changed',
      () =>
        keys.decrypt(
          flipped.replace(/^(a\..{20})./, (_all, head) => `${head}${'_'}`),
          PLACE,
        ),
    ],
    ['cut short', () => keys.decrypt(sealed.slice(0, 12), PLACE)],
    ['empty', () => keys.decrypt('', PLACE)],
    ['sealed with a key that the ring does not have', () => ring(key('b', 1)).decrypt(sealed, PLACE)],
    ['sealed with another key of the same name', () => ring(key('a', 9)).decrypt(sealed, PLACE)],
  ])('does not open a value that was %s', (_how, open) => {
    expect(open).toThrow(DecryptionError);
    expect(open).toThrow(expect.objectContaining({ message: expect.not.stringContaining('password"') }));
  });
});
