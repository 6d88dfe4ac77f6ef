import { describe, expect, it } from '@jest/globals';
import { encodeField } from '../../../../../src/database/copy/streams/copy-text.js';
import { RowMasking } from '../../../../../src/database/copy/streams/row-masking.js';
import type { ColumnMask } from '../../../../../src/index.js';

const TABLE = 'customers';

function masking(masks: Readonly<Record<number, ColumnMask>>): RowMasking {
  return new RowMasking(
    new Map(Object.entries(masks).map(([n, mask]) => [Number(n), { table: TABLE, column: `c${n}`, mask }])),
  );
}

const rowsOf = (rows: readonly (string | null)[][]): Buffer =>
  Buffer.from(rows.map((row) => `${row.map(encodeField).join('\t')}\n`).join(''));

describe('masking rows', () => {
  it('replaces values of some columns, but not NULL, wherever the pieces end', () => {
    const rows = rowsOf([
      ['1', 'a\tb', '\\N', 'ü'],
      ['2', null, '', '😀\n'],
      ['', '', '', ''],
    ]);
    const expected = rowsOf([
      ['1', '<a\tb>', '\\N', null],
      ['2', null, '', null],
      ['', '<>', '', null],
    ]).toString();
    for (let size = 1; size <= rows.length; size += 1) {
      const masks = masking({ 1: (text) => `<${text}>`, 3: () => null });
      const found: Buffer[] = [];
      for (let at = 0; at < rows.length; at += size) found.push(masks.mask(rows.subarray(at, at + size)));
      expect(Buffer.concat(found).toString()).toBe(expected);
    }
  });

  it('gives the mask the value, not the field', () => {
    const seen: string[] = [];
    masking({ 0: (text) => (seen.push(text), text) }).mask(rowsOf([['a\\b\n'], ['\\N']]));
    expect(seen).toEqual(['a\\b\n', '\\N']);
  });

  it.each([
    [
      'throws an error',
      () => {
        throw new Error('secret');
      },
    ],
    ['returns neither a text nor null', () => undefined],
    ['returns neither a text nor null', () => 7],
    ['returns neither a text nor null', async () => 'later'],
  ])('says which mask %s, without the value', (what, mask) => {
    const mask0 = masking({ 0: mask as unknown as ColumnMask });
    const failure = (() => {
      try {
        return mask0.mask(rowsOf([['secret']]));
      } catch (error) {
        return error as Error;
      }
    })();
    expect(failure).toMatchObject({ code: 'MASK_FAILED', table: TABLE, column: 'c0' });
    expect((failure as Error).cause).toBeUndefined();
    expect((failure as Error).message).toBe(`the mask of column "c0" of table "customers" ${what}`);
  });
});
