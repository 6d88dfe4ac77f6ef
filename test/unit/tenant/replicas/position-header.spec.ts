import { expect, it } from '@jest/globals';
import { PositionHeader } from '../../../../src/tenant/replicas/position-header.js';
import { AFTER } from '../../../support/encryption/rings.js';

const ACME = '7f3c1f0a-5df4-4a8e-9b5c-0d6a2f1f5c11';
const OTHER = '0b9f6a52-7a0f-4b16-8e9d-3a3f1c2b4d5e';
const POSITION = { serverId: OTHER, timeline: 3, lsn: 0x16b374d848n };

const header = new PositionHeader(AFTER);

it('a client sends back what it was given, and cannot read it', () => {
  const sealed = header.seal(ACME, POSITION);
  expect(sealed).toMatch(/^[\w-]+\.[\w-]{60,200}$/);
  expect(header.open(ACME, sealed)).toEqual(POSITION);
  expect(header.seal(ACME, POSITION)).not.toBe(sealed);
  expect(header.open(ACME, header.seal(ACME, 'unknown'))).toBe('unknown');
});

it('without the header a client has written nothing', () => {
  expect(header.open(ACME, undefined)).toBeUndefined();
});

it('what was not given to this tenant says that something was written, and not where', () => {
  const sealed = header.seal(ACME, POSITION);
  const changed = sealed.slice(0, -2) + (sealed.endsWith('A') ? 'BB' : 'AA');
  const all = ['', 'x', changed, `${sealed}, ${sealed}`, header.seal(OTHER, POSITION), 'A'.repeat(100_000)];
  for (const made of [...all, [sealed, sealed]]) expect(header.open(ACME, made)).toBe('unreadable');
});
