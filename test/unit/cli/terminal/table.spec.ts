import { describe, expect, it } from '@jest/globals';
import { keyValues, table } from '../../../../src/cli/terminal/table.js';

interface Row {
  readonly name: string;
  readonly size: number | null;
}

const COLUMNS = [
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'SIZE', value: (row: Row) => row.size },
];

describe('a terminal table', () => {
  it('aligns its columns and leaves no trailing blanks', () => {
    const rows = [
      { name: 'a', size: 12 },
      { name: 'longer than its title', size: null },
    ];
    expect(table(rows, COLUMNS)).toEqual([
      'NAME                   SIZE',
      'a                      12',
      'longer than its title  -',
    ]);
  });

  it('cuts lines at the terminal width, and nothing when there is no terminal', () => {
    const rows = [{ name: 'x'.repeat(300), size: 1 }];
    expect(table(rows, COLUMNS, 20).map((line) => line.length)).toEqual([20, 20]);
    expect(table(rows, COLUMNS)[1]).toContain('x'.repeat(300));
  });

  it('strips control sequences from stored text', () => {
    const rows = [{ name: '\u001B[31mred\u001B[0m\nnext\u0007', size: 1 }];
    expect(table(rows, COLUMNS)[1]).toBe('red next   1');
    expect(keyValues([['name', 'a\rb']])).toEqual(['name  a b']);
    expect(keyValues([['name', 'a\u202Eb']])).toEqual(['name  a b']);
  });
});
