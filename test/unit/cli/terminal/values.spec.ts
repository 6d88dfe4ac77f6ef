import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { bytes, seconds, wholeNumber } from '../../../../src/cli/terminal/values.js';

describe('a duration argument', () => {
  it.each([
    ['0', 0],
    ['3600', 3_600],
    ['3600s', 3_600],
    ['30m', 1_800],
    ['12h', 43_200],
    ['7d', 604_800],
  ])('%s is parsed as %d seconds', (text, expected) => {
    expect(seconds(text)).toBe(expected);
  });

  it.each(['', 'd', '-1', '1.5h', '7 d', '7w', '0x10', '1e3', '٧d', '9999999999'])(
    'is rejected when it is "%s"',
    (text) => {
      expect(() => seconds(text)).toThrow(InvalidArgumentError);
    },
  );
});

describe('a whole-number argument', () => {
  it('is parsed from decimal digits', () => {
    expect(wholeNumber('042')).toBe(42);
  });

  it.each(['', '-1', '1.0', '1e3', '0x10', 'ten', ' 1', '١'])('is rejected when it is "%s"', (text) => {
    expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
  });
});

describe('an argument in bytes', () => {
  it.each([
    ['0', 0],
    ['1000000', 1e6],
    ['5KB', 5e3],
    ['500GB', 5e11],
    ['2TB', 2e12],
  ])('%s is parsed as %d bytes', (text, expected) => {
    expect(bytes(text)).toBe(expected);
  });

  it.each(['', '-1', '1.5GB', '5 GB', '5GiB', 'GB', '1e9', '999999TB', '١GB'])(
    'is rejected when it is "%s"',
    (text) => {
      expect(() => bytes(text)).toThrow(InvalidArgumentError);
    },
  );
});
