import { describe, expect, it } from '@jest/globals';
import { decodeCursor, encodeCursor, pageQuery, toPage } from '../../../../src/http/input/page.js';

const position = { createdAt: new Date('2026-01-05T09:30:00.123Z'), id: '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11' };
const encoded = (text: string): string => Buffer.from(text).toString('base64url');

describe('a page cursor', () => {
  it('decodes to the position it was encoded from', () => {
    expect(decodeCursor(encodeCursor(position))).toEqual(position);
  });

  it('needs no escaping in a query string', () => {
    expect(encodeCursor(position)).toMatch(/^[\w-]+$/);
  });

  const hostile = {
    'no base64': '%%%',
    'not one of ours': 'AAAA',
    empty: '',
    'without a moment': encoded(`.${position.id}`),
    'with a moment that is no number': encoded(`1e3.${position.id}`),
    'with a negative moment': encoded(`-1.${position.id}`),
    'with a moment that no timestamp holds': encoded(`99999999999999.${position.id}`),
    'without an id': encoded('1767605400123.'),
    'with an id that is no uuid': encoded("1767605400123.' OR 1=1"),
    'with something behind the id': encoded(`1767605400123.${position.id}0`),
    'with a NUL character': encoded(`1767605400123.${position.id}\0`),
    'too long': encodeCursor(position).padEnd(101, 'A'),
    'given twice': [encodeCursor(position), encodeCursor(position)],
  };

  it.each(Object.entries(hostile))('that is %s is rejected with its name', (_, cursor) => {
    const { error } = pageQuery.safeParse({ cursor });
    expect(error?.issues.map(({ path }) => path)).toEqual([['cursor']]);
  });
});

describe('the query string of a list', () => {
  it('defaults to 20 items', () => {
    expect(pageQuery.parse({})).toEqual({ limit: 20 });
  });

  it.each(['0', '101', '1.5', 'ten', '', ['1', '2']])('rejects the limit %j', (limit) => {
    expect(pageQuery.safeParse({ limit }).error?.issues[0]?.path).toEqual(['limit']);
  });

  it.each(['1', '100'])('accepts the limit %s', (limit) => {
    expect(pageQuery.parse({ limit }).limit).toBe(Number(limit));
  });

  it('rejects unknown parameters', () => {
    expect(pageQuery.safeParse({ page: '2' }).success).toBe(false);
  });
});

describe('a page', () => {
  const rows = [3, 2, 1].map((n) => ({ createdAt: new Date(n), id: position.id, n }));
  const show = (limit: number): unknown => toPage(rows, pageQuery.parse({ limit }), ({ n }) => n);

  it('omits the extra row and returns a cursor for its own last row', () => {
    expect(show(2)).toEqual({ items: [3, 2], nextCursor: encodeCursor(rows[1]!) });
  });

  it('has no cursor when there is no extra row', () => {
    expect(show(3)).toEqual({ items: [3, 2, 1], nextCursor: null });
  });
});
