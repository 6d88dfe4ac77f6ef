import { expect, it } from '@jest/globals';
import { lsnText, parseLsn, parsePosition } from '../../../../../src/database/statements/positions/wal-position.js';

it('positions are compared as the 64 bits that they are, not as texts', () => {
  expect(parseLsn('0/FFFFFFFF')! < parseLsn('1/0')!).toBe(true);
  expect(parseLsn('9/0')! < parseLsn('10/0')!).toBe(true);
  expect(parseLsn('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n);
});

it.each(['0/0', '0/1B83BA0', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])('%s is written as PostgreSQL writes it', (text) => {
  expect(lsnText(parseLsn(text)!)).toBe(text);
});

it.each(['', '/', '0', '0/', '/0', '0/0/0', '0/G', '-1/0', '0/123456789', ' 0/0', '0/0\n', '0x1/0'])(
  '%j is no position',
  (text) => expect(parseLsn(text)).toBeUndefined(),
);

it('the answer of a primary names its timeline in hexadecimal', () => {
  expect(parsePosition('eu-1', '0000001A 0/1B83BA0')).toEqual({ serverId: 'eu-1', timeline: 26, lsn: 0x1b83ba0n });
  for (const text of ['', '1 0/0', '0000001A', '0000001A 0/0 0/0', '0000001G 0/0']) {
    expect(parsePosition('eu-1', text)).toBeUndefined();
  }
});
