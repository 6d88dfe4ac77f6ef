import { describe, expect, it } from '@jest/globals';
import { decodeField, encodeField, fieldsOf } from '../../../../../src/database/copy/streams/copy-text.js';

describe("COPY's text format", () => {
  it.each([
    [null, '\\N'],
    ['', ''],
    ['\\N', '\\\\N'],
    ['a\tb\nc\rd\be\ff\vg\\h', 'a\\tb\\nc\\rd\\be\\ff\\vg\\\\h'],
    ['\\\\.', '\\\\\\\\.'],
    ['😀 \u0001\u007f', '😀 \u0001\u007f'],
  ])('writes %j as %j, and reads it', (value, field) => {
    expect(encodeField(value)).toBe(field);
    expect(decodeField(field)).toBe(value);
  });

  it('reads a backslash before any other character, and at the end, as that character', () => {
    expect(decodeField('\\x\\😀\\\n\\')).toBe('x😀\n\\');
  });

  it('takes a row apart', () => {
    expect(fieldsOf(Buffer.from('a\\tb\t\t\\N')).map(String)).toEqual(['a\\tb', '', '\\N']);
    expect(fieldsOf(Buffer.from('')).map(String)).toEqual(['']);
  });
});
