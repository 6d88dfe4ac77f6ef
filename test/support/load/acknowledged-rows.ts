import { callOnce, type KeptAnswer } from '../processes/keep-alive.js';
import type { Json } from '../test-app.js';

const PAGE = 100;
const CUSTOMERS = '/api/v1/customers';
const ORDERS = '/api/v1/orders';
const LINES = [
  { description: 'First', quantity: 1, unitPrice: 100 },
  { description: 'Second', quantity: 2, unitPrice: 50 },
];

/** One kind of request. @returns what is missing in the answer; undefined when nothing is */
type Request = (url: string) => Promise<{ readonly answer: KeptAnswer; readonly missing?: string | undefined }>;

/** The rows of one tenant whose insertion was acknowledged, and requests that compare their answers with them. */
export class AcknowledgedRows {
  private readonly customers: string[] = [];
  private readonly orders: string[] = [];
  private created = 0;

  /** In turn, so that each kind of request is sent to each tenant. */
  readonly requests: readonly Request[] = [
    (url) => this.insertCustomer(url),
    (url) => this.list(url, CUSTOMERS, this.customers),
    (url) => this.insertOrder(url),
    (url) => this.list(url, ORDERS, this.orders),
    (url) => this.readCustomer(url),
    (url) => this.summary(url),
    (url) => this.readOrder(url),
  ];

  constructor(
    readonly slug: string,
    private readonly apiKey: string,
  ) {}

  /** Inserts a few rows before any load. */
  async fill(url: string): Promise<void> {
    for (let n = 0; n < 5; n += 1) {
      for (const { answer } of [await this.insertCustomer(url), await this.insertOrder(url)]) {
        if (answer.status !== 201) throw new Error(`${this.slug}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
    }
  }

  /** Reads every page of both lists. Nothing may be inserted meanwhile. @returns the ids that are missing or too many */
  async differences(url: string): Promise<string[]> {
    const differences: string[] = [];
    for (const [path, acknowledged] of [[CUSTOMERS, this.customers] as const, [ORDERS, this.orders] as const]) {
      const stored = new Set<string>();
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Json = (await this.call(url, `${path}?limit=${PAGE}${cursor && `&cursor=${cursor}`}`)).body;
        for (const { id } of page.items) stored.add(id);
        cursor = page.nextCursor;
      }
      differences.push(...[...stored].filter((id) => !acknowledged.includes(id)));
      differences.push(...acknowledged.filter((id) => !stored.has(id)));
    }
    return differences;
  }

  private async insertCustomer(url: string): ReturnType<Request> {
    const name = `${this.slug}-${(this.created += 1)}`;
    const answer = await this.call(url, CUSTOMERS, { name, email: `${name}@example.com` });
    if (answer.status === 201) this.customers.push(answer.body.id);
    return { answer };
  }

  /** A transaction: an order and its lines. */
  private async insertOrder(url: string): ReturnType<Request> {
    const number = `N-${(this.created += 1)}`;
    const answer = await this.call(url, ORDERS, {
      ...{ number, customerId: this.customers.at(-1), currency: 'EUR', lines: LINES },
    });
    if (answer.status === 201) this.orders.push(answer.body.id);
    return { answer };
  }

  private async list(url: string, path: string, acknowledged: readonly string[]): ReturnType<Request> {
    const expected = Math.min(acknowledged.length, PAGE);
    const answer = await this.call(url, `${path}?limit=${PAGE}`);
    const length: number = answer.body?.items?.length ?? 0;
    return { answer, ...(length < expected && { missing: `${length} of ${expected} rows` }) };
  }

  /** Counts all orders in the database, beyond the first page. */
  private async summary(url: string): ReturnType<Request> {
    const expected = this.orders.length;
    const answer = await this.call(url, `${ORDERS}/summary`);
    const counts: number[] = (answer.body?.items ?? []).map(({ count }: Json) => count);
    const count = counts.reduce((sum, n) => sum + n, 0);
    return { answer, ...(count < expected && { missing: `${count} of ${expected} orders` }) };
  }

  private async readCustomer(url: string): ReturnType<Request> {
    return { answer: await this.call(url, `${CUSTOMERS}/${anyOf(this.customers, this.created)}`) };
  }

  private async readOrder(url: string): ReturnType<Request> {
    const answer = await this.call(url, `${ORDERS}/${anyOf(this.orders, this.created)}`);
    const lines: number = answer.body?.lines?.length ?? 0;
    return { answer, ...(lines < LINES.length && { missing: `${lines} of ${LINES.length} lines` }) };
  }

  private call(url: string, path: string, body?: object): Promise<KeptAnswer> {
    return callOnce(url, path, { apiKey: this.apiKey, ...(body && { method: 'POST', body }) });
  }
}

function anyOf(ids: readonly string[], n: number): string {
  return ids[n % ids.length] ?? '';
}
