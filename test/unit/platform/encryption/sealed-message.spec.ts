import { describe, expect, it } from '@jest/globals';
import { DecryptionError } from '../../../../src/platform/encryption/key-ring.js';
import { openMessage, sealMessage } from '../../../../src/platform/encryption/sealed-message.js';
import { AFTER, BEFORE, DURING, STRANGER } from '../../../support/encryption/rings.js';

const PURPOSE = 'test/1';

describe('a sealed message', () => {
  it('opens for its purpose, and differs each time', () => {
    const sealed = [sealMessage(AFTER, 'pässword', PURPOSE), sealMessage(AFTER, 'pässword', PURPOSE)];
    expect(sealed.map((message) => openMessage(AFTER, message, PURPOSE))).toEqual(['pässword', 'pässword']);
    expect(sealed[0]).not.toBe(sealed[1]);
    expect(sealed.join()).not.toContain('password');
  });

  it('opens for no other purpose', () => {
    expect(() => openMessage(AFTER, sealMessage(AFTER, 'text', PURPOSE), 'test/2')).toThrow(DecryptionError);
  });

  it('is not mistaken for a value that the ring encrypts itself, nor the other way round', () => {
    const [message, value] = [sealMessage(AFTER, 'text', PURPOSE), AFTER.encrypt('text', PURPOSE)];
    expect(() => AFTER.decrypt(message, PURPOSE)).toThrow(DecryptionError);
    expect(() => openMessage(AFTER, value, PURPOSE)).toThrow(DecryptionError);
  });

  it('opens while its key is in the ring, and no longer', () => {
    const sealed = sealMessage(BEFORE, 'text', PURPOSE);
    expect(openMessage(DURING, sealed, PURPOSE)).toBe('text');
    expect(() => openMessage(AFTER, sealed, PURPOSE)).toThrow('its key is not in ENCRYPTION_KEYS');
    expect(() => openMessage(STRANGER, sealed, PURPOSE)).toThrow(DecryptionError);
  });

  it('does not open when any of its characters is another one, is missing or is added', () => {
    const sealed = sealMessage(AFTER, 'text', PURPOSE);
    for (let at = 0; at < sealed.length; at += 1) {
      const [before, after] = [sealed.slice(0, at), sealed.slice(at + 1)];
      const changed = ['A', 'B', '.', '=', '\n', ''].filter((other) => other !== sealed[at]);
      for (const other of changed)
        expect(() => openMessage(AFTER, before + other + after, PURPOSE)).toThrow(DecryptionError);
      expect(() => openMessage(AFTER, `${before}=${sealed.slice(at)}`, PURPOSE)).toThrow(DecryptionError);
    }
  });

  it.each(['', '.', 'new', 'new.', `new.${'A'.repeat(8)}`, '.new', 'new.ä', 'constructor.AAAA'])(
    'is not %j',
    (text) => {
      expect(() => openMessage(AFTER, text, PURPOSE)).toThrow(DecryptionError);
    },
  );
});
