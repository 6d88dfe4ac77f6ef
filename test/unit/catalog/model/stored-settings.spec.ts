import { describe, expect, it } from '@jest/globals';
import { storedLimits } from '../../../../src/catalog/model/limits.js';
import { storedFeatures, storedSettings, unstorableBecause } from '../../../../src/catalog/model/stored-settings.js';

describe('a value of a setting', () => {
  it.each([
    ['a text', 'EUR'],
    ['a tree', { a: [{ b: null }, 1.5, true] }],
    ['the longest number', 999_999_999_999_999_900_000],
    ['names of every object', { constructor: 1, toString: 2 }],
  ])('may be %s', (_title, value) => {
    expect(unstorableBecause(value)).toBeUndefined();
  });

  it.each([
    ['too deep', JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 'levels deep'],
    ['too many parts', Array.from({ length: 10_000 }, () => 1), 'parts'],
    ['a prototype', JSON.parse('{"a": {"__proto__": {"isAdmin": true}}}'), '__proto__'],
    ['NUL', { a: ['x\0'] }, 'NUL'],
    ['NUL in a key', { 'x\0': 1 }, 'NUL'],
    ['a number of many digits', { a: [1e300] }, 'digits'],
    ['a number of many decimals', 1e-300, 'digits'],
    ['half a character', '\ud800', 'NUL'],
  ])('may not be %s', (_title, value, problem) => {
    expect(unstorableBecause(value)).toContain(problem);
  });
});

describe('what the catalog has, written by hand', () => {
  it.each([[null], [undefined], ['x'], [5], [[1, 2]], [new Date()]])('counts as nothing: %s', (value) => {
    expect([storedFeatures(value), storedLimits(value)]).toEqual([{}, {}]);
    expect(storedSettings(value)).toEqual({});
  });

  it('loses only what is not valid', () => {
    const settings = JSON.parse(
      '{"currency": "EUR", "__proto__": {"x": 1}, "a b": 1, "deep": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}',
    );
    expect(storedSettings(settings)).toEqual({ currency: 'EUR' });
    expect(Object.getPrototypeOf(storedSettings(settings))).toBe(Object.prototype);
    expect(storedFeatures({ reports: true, exports: 'yes' })).toEqual({ reports: true });
    const limits = { maxConcurrentStatements: 5, maxQueuedStatements: -1, maxFish: 3 };
    expect(storedLimits(limits)).toEqual({ maxConcurrentStatements: 5 });
  });
});
