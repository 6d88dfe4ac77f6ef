import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { pageQuery, toPage } from '../../../../src/http/input/page.js';
import type { Customer } from '../../../../src/app/customers/customer.entity.js';
import { OrdersFixture } from '../../../support/orders/orders-fixture.js';

let fixture: OrdersFixture;

beforeAll(async () => {
  fixture = await OrdersFixture.create();
});
afterAll(() => fixture.close());

async function addCustomers(count: number, prefix = 'customer'): Promise<void> {
  for (let n = 0; n < count; n += 1) await fixture.customers.create({ email: `${prefix}${n}@example.com`, name: 'x' });
}

/** All pages, as a caller would read them: each cursor goes through the schema of the query. */
async function readAll(limit: number, between: () => Promise<void> = async () => undefined): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const query = pageQuery.parse({ limit: String(limit), ...(cursor && { cursor }) });
    const page = toPage(await fixture.customers.list(query), query, ({ email }: Customer) => email);
    pages.push(page.items);
    cursor = page.nextCursor;
    await between();
  }
  return pages;
}

describe('paging', () => {
  it('shows every row once, newest first', async () => {
    const dataSource = fixture.dataSource();
    await dataSource.query(
      `INSERT INTO customers (email, name, created_at)
       SELECT 'day' || n || '@example.com', 'x', timestamptz '2026-01-01' + n * interval '1 day' FROM generate_series(1, 5) n`,
    );
    await fixture.as(dataSource, async () => {
      const days = (...numbers: number[]): string[] => numbers.map((n) => `day${n}@example.com`);
      expect(await readAll(2)).toEqual([days(5, 4), days(3, 2), days(1)]);
    });
  });

  it('ends without a cursor when the last page is full', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      await addCustomers(4);
      expect((await readAll(2)).map((page) => page.length)).toEqual([2, 2]);
    });
  });

  it('neither skips nor repeats rows of the same instant', async () => {
    const dataSource = fixture.dataSource();
    // One statement: all rows carry the same created_at.
    await dataSource.query(
      `INSERT INTO customers (email, name) SELECT 'row' || n || '@example.com', 'x' FROM generate_series(1, 25) n`,
    );
    await fixture.as(dataSource, async () => {
      const emails = (await readAll(3)).flat();
      expect(emails).toHaveLength(25);
      expect(new Set(emails).size).toBe(25);
    });
  });

  it('is stable while rows are inserted', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      await addCustomers(6);
      const before = (await readAll(100)).flat();
      let round = 0;
      const seen = await readAll(2, async () => addCustomers(2, `later${(round += 1)}x`));
      expect(seen.flat()).toEqual(before);
    });
  });

  it('seeks directly to its position in the index', async () => {
    const dataSource: DataSource = fixture.dataSource();
    await fixture.as(dataSource, async () => {
      await addCustomers(1);
      const plan = await dataSource.query<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN SELECT * FROM customers WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 21`,
        [new Date(), '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11'],
      );
      const condition = plan.map((line) => line['QUERY PLAN']).find((line) => line.includes('Index Cond'));
      expect(condition).toContain('tenant_id = ');
      expect(condition).toContain('ROW(created_at, id) < ROW(');
    });
  });
});
