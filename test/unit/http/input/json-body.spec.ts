import { describe, expect, it } from '@jest/globals';
import { isTooDeep } from '../../../../src/http/input/json-body.js';

describe('the nesting of a JSON body', () => {
  it.each([
    ['[[[]]]', 3],
    ['{"a":{"b":[1]}}', 3],
    ['[[],[],[],[]]', 2],
    [JSON.stringify({ a: '[[[[{{{{', b: '"[[[[', c: '\\"[[[[', d: '\\' }), 1],
    ['"[[[["', 0],
    ['', 0],
  ])('of %s is %i', (json, depth) => {
    expect(isTooDeep(Buffer.from(json), depth)).toBe(false);
    expect(isTooDeep(Buffer.from(json), depth - 1)).toBe(depth > 0);
  });

  it('is measured in what is no valid JSON, too', () => {
    expect(isTooDeep(Buffer.from('[[[['), 3)).toBe(true);
    expect(isTooDeep(Buffer.from('"[[[['), 3)).toBe(false);
  });

  it('is found to be too deep without reading on', () => {
    const deep = Buffer.from('['.repeat(1024 * 1024));
    const reads = { count: 0 };
    const counting = new Proxy(deep, {
      get: (bytes, key) => ((reads.count += 1), Reflect.get(bytes, key, bytes) as unknown),
    });
    expect(isTooDeep(counting, 32)).toBe(true);
    expect(reads.count).toBeLessThan(100);
  });
});
