import { describe, expect, it } from '@jest/globals';
import { runInContext } from '../../../../src/platform/context.js';
import { separateTenants } from '../../../../src/tenant/tenant-pool/prisma.js';
import { isPrismaQuery, toSentQuery } from '../../../../src/tenant/tenant-pool/prisma-query.js';

/** Collects the calls of one tick and answers them at once, as Prisma's client does. */
class Loader {
  readonly batches: string[][];
  private calls: string[] = [];

  constructor(readonly options: { readonly batches: string[][] }) {
    this.batches = options.batches;
  }

  async request(call: string): Promise<void> {
    if (this.calls.push(call) === 1) process.nextTick(() => this.batches.push(this.calls.splice(0)));
    await new Promise(setImmediate);
  }
}

const query = (text: string) => ({ name: undefined, text, values: [], rowMode: 'array', types: undefined });
const sentIn = (context: object, text: string): string =>
  runInContext(context, () => toSentQuery(query(text) as never).text);

describe('separateTenants', () => {
  it('has the calls of each tenant collected apart, those of one together', async () => {
    const batches: string[][] = [];
    const prisma = { _requestHandler: { dataloader: new Loader({ batches }) } };
    const { dataloader } = separateTenants(prisma)._requestHandler;
    const calls = ['a', 'b', 'a', 'c', 'b'].map((tenantId, n) =>
      runInContext({ tenantId }, () => dataloader.request(`${tenantId}${n}`)),
    );
    await Promise.all(calls);
    expect(batches).toEqual([['a0', 'a2'], ['b1', 'b4'], ['c3']]);
    await runInContext({ tenantId: 'a' }, () => dataloader.request('later'));
    expect(batches.at(-1)).toEqual(['later']);
  });
});

describe('a query of Prisma', () => {
  it('is known by its form', () => {
    expect(isPrismaQuery(query('SELECT 1') as never)).toBe(true);
    expect(isPrismaQuery({ text: 'SELECT 1', values: [], rowMode: 'array' } as never)).toBe(false);
    expect(isPrismaQuery('SELECT 1')).toBe(false);
  });

  it('names no schema, and its strings stay as they are', () => {
    const text = `SELECT "public"."memos"."id", '"public"."x" it''s' AS """public"".y" FROM "public"."memos"`;
    expect(sentIn({ isPrismaSeparated: true }, text)).toBe(
      `SELECT "memos"."id", '"public"."x" it''s' AS """public"".y" FROM "memos"`,
    );
  });

  it('is refused when its calls may be those of several tenants, except for commands of transactions', () => {
    expect(() => sentIn({ tenantId: 'a' }, 'SELECT 1')).toThrow(
      expect.objectContaining({ code: 'SHARED_PRISMA_BATCH' }),
    );
    expect(sentIn({ tenantId: 'a' }, 'BEGIN')).toBe('BEGIN');
    expect(sentIn({ tenantId: 'a' }, 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')).toMatch(/^SET TRANSACTION/);
  });
});
