import { describe, expect, it } from '@jest/globals';
import { newApiKey } from '../../../src/catalog/model/api-key.js';
import { redactor } from '../../../src/logging/redact.js';

const SECRET = 'c0rrect-horse-battery';
const redact = redactor([SECRET, undefined, 'short']);

describe('a redacted log line', () => {
  const { token, keyId } = newApiKey();
  it.each([
    ['an API key', `key ${token} refused`, `key tnt_${keyId}_[redacted] refused`],
    ['an API key with its scheme', `Bearer ${token}`, `Bearer tnt_${keyId}_[redacted]`],
    ['another bearer credential', 'authorization: bearer eyJhbGciOi.J9.x-_', 'authorization: bearer [redacted]'],
    ['a database URL', 'at postgres://who:hunter2@db:5432/x', 'at postgres://who:[redacted]@db:5432/x'],
    ['a Redis URL without a user', 'rediss://:hunter2@cache/0', 'rediss://:[redacted]@cache/0'],
    ['a secret of the configuration, anywhere', `x${SECRET}y`, 'x[redacted]y'],
  ])('does not show %s', (_what, line, expected) => {
    expect(redact(line)).toBe(expected);
  });

  it('keeps everything else, such as words too short for a secret', () => {
    expect(redact('short words of tenant acme stay')).toBe('short words of tenant acme stay');
  });
});
