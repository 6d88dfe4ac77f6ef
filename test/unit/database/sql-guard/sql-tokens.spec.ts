import { describe, expect, it } from '@jest/globals';
import { tokenize } from '../../../../src/database/sql-guard/sql-tokens.js';
import { costGrowth } from '../../../support/load/cpu-cost.js';

/** Tokens as one line: words as they are, names in quotes, constants as `'`, the rest as written. */
function read(text: string): string {
  return tokenize(text)
    .map(({ kind, text: token }) => {
      if (kind === 'string' || kind === 'escaped-string') return `'`;
      if (kind === 'name') return `"${token}"`;
      return kind === 'escaped-name' ? `U&"${token}"` : token;
    })
    .join(' ');
}

describe('the SQL tokenizer', () => {
  it.each([
    // words and names
    ['SELECT Foo', 'select foo'],
    ['foo$$bar', 'foo$$bar'],
    ['select"Foo"from"a""b"', 'select "Foo" from "a"b"'],
    ['größe$1', 'größe$1'],
    ['\u00a0SET', '\u00a0set'],
    ['U&"d\\0061t" u&"x"', 'U&"d\\0061t" U&"x"'],
    ['eu"x"', 'eu "x"'],
    // constants
    [`'it''s' x`, `' x`],
    [`'\\' x`, `' x`],
    [`'\\', x '`, `' , x '`],
    [`E'\\' x' y`, `' y`],
    [`e'a\\\\' y`, `' y`],
    [`e'a''b\\'' y`, `' y`],
    [`fooe'\\' y`, `fooe ' y`],
    [`U&'\\' x`, `' x`],
    [`N'a' B'1' x'F' y`, `' ' ' y`],
    [`E'a' \n '\\' x' y`, `' y`],
    [`E'a' -- comment\n '\\' x' y`, `' y`],
    [`E'a' '\\' x`, `' ' x`],
    [`E'a' -- -- -- --`, `'`],
    ['$$a\'b"$$ x', `' x`],
    ['$t$ $$ $u$ $t$ x', `' x`],
    ['$1 $23', '$1 $23'],
    ['$1$$ a $$', `$1 '`],
    ['1.5e3', '1 . 5 e3'],
    // comments
    ['a -- b\nc', 'a c'],
    ['a -- b\rc', 'a c'],
    ['a/* b */c', 'a c'],
    ['a/* /* b */ c */d', 'a d'],
    ['/*/ a */ b', 'b'],
    ['/**/a', 'a'],
    ['a /*', 'a'],
    ['1-/* x */-2', '1 - - 2'],
    ['1*/**/2', '1 * 2'],
    [`/* ' */ a '/*' b '*/'`, `a ' b '`],
    ['"/*" a --"', '"/*" a'],
    // what is not closed
    [`'a`, `'`],
    ['"a', '""'],
    ['$$ a', `'`],
    ['$a', '$ a'],
    ['', ''],
  ])('reads %j as %j', (text, tokens) => {
    expect(read(text)).toBe(tokens);
  });

  it.each([
    [`'it''s'`, 'string', `it's`],
    ['$a$ $$ $a$', 'string', ' $$ '],
    [`E'a'`, 'escaped-string', ''],
    [`U&'a'`, 'escaped-string', ''],
  ])('keeps the content of a constant without escapes only: %s', (text, kind, content) => {
    expect(tokenize(text)).toEqual([{ kind, text: content }]);
  });

  it('takes time linear in the length of the text, whatever the text contains', () => {
    const hostile = ['-- ', '/*', "E'' --\n", '$a', "''", '"', '\\', '(;', 'U&'];
    const growth = costGrowth(5_000, 8, (repeats) => {
      const texts = hostile.flatMap((piece) => [`E'${piece.repeat(repeats)}`, piece.repeat(repeats)]);
      return () => texts.forEach((text) => tokenize(text));
    });
    expect(growth).toBeLessThan(3 * 8); // quadratic: 64
  });
});
