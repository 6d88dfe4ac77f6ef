import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { seconds, wholeNumber } from '../../../../src/cli/terminal/values.js';

describe('times', () => {
  it.each([
    ['0', 0],
    ['3600', 3_600],
    ['3600s', 3_600],
    ['30m', 1_800],
    ['12h', 43_200],
    ['7d', 604_800],
  ])('reads %s as %d seconds', (text, expected) => {
    expect(seconds(text)).toBe(expected);
  });

  it.each(['', 'd', '-1', '1.5h', '7 d', '7w', '0x10', '1e3', '٧d', '9999999999'])('refuses "%s"', (text) => {
    expect(() => seconds(text)).toThrow(InvalidArgumentError);
  });
});

describe('whole numbers', () => {
  it('reads digits', () => {
    expect(wholeNumber('042')).toBe(42);
  });

  it.each(['', '-1', '1.0', '1e3', '0x10', 'ten', ' 1', '١'])('refuses "%s"', (text) => {
    expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
  });
});
