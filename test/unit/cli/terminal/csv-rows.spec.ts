import { describe, expect, it } from '@jest/globals';
import { parseCsvRows } from '../../../../src/cli/terminal/csv-rows.js';

describe('rows of CSV', () => {
  it('are objects with the columns of the header, with or without quotes', () => {
    const text = '\uFEFFcode,name\r\nDE,Germany\r\n"CI","Côte d\'Ivoire, ""Ivory Coast"""\r\nXK,"two\nlines"\r\n';
    expect(parseCsvRows(text)).toEqual([
      { code: 'DE', name: 'Germany' },
      { code: 'CI', name: 'Côte d\'Ivoire, "Ivory Coast"' },
      { code: 'XK', name: 'two\nlines' },
    ]);
  });

  it('have null for an empty field, and an empty text for empty quotes', () => {
    expect(parseCsvRows('a,b,c\n1,,\n,"",2')).toEqual([
      { a: '1', b: null, c: null },
      { a: null, b: '', c: '2' },
    ]);
  });

  it.each([
    ['a,b\n1', 'record 1 has 1 fields, the header 2'],
    ['a,\n1,2', 'the first line must name the columns'],
    ['', 'the first line must name the columns'],
    ['a,b\n1,"x', 'not valid CSV at character 7'],
    ['a,b\n1,x"y"', 'not valid CSV at character 7'],
  ])('are refused when they are not valid: %j', (text, message) => {
    expect(() => parseCsvRows(text)).toThrow(message);
  });
});
