import { expect } from '@jest/globals';
import { soon } from '../support/load/soon.js';
import type { Operators } from '../support/operations/operators.js';
import type { Json } from '../support/test-app.js';
import { type CrashCase, type Isolation, isGone, provisioned, succeeded, works } from './operation-crashes.js';

const ROWS = 3;

/** Moves a tenant; its rows are at the new place, and the former ones can still be taken back. */
export async function moveCase(operators: Operators, from: Isolation, to: Isolation): Promise<CrashCase> {
  const tenant = await MovingTenant.at(operators, from);
  return {
    kind: 'move',
    request: () => tenant.request('move', { isolation: to }),
    verify: async () => {
      await tenant.isAt(to);
      await tenant.run('move/back');
      await tenant.isAt(from);
    },
  };
}

/** Takes a move back; nothing is left at the place that it had gone to. */
export async function moveBackCase(operators: Operators, from: Isolation, to: Isolation): Promise<CrashCase> {
  const tenant = await MovingTenant.at(operators, from);
  await tenant.run('move', { isolation: to });
  const left = await tenant.view();
  await tenant.write();
  return {
    kind: 'move-back',
    request: () => tenant.request('move/back'),
    verify: async () => {
      await tenant.isAt(from);
      await tenant.hasNoMove();
      await isGone(left);
    },
  };
}

/** Finishes a move; nothing is left at the former place. */
export async function moveFinishCase(operators: Operators, from: Isolation, to: Isolation): Promise<CrashCase> {
  const tenant = await MovingTenant.at(operators, from);
  const left = await tenant.view();
  await tenant.run('move', { isolation: to });
  return {
    kind: 'move-finish',
    request: () => tenant.request('move/finish'),
    verify: async () => {
      await tenant.isAt(to);
      await tenant.hasNoMove();
      await isGone(left);
    },
  };
}

/** A tenant with some rows, and every row that was written since. */
export class MovingTenant {
  private written = 0;

  private constructor(
    private readonly operators: Operators,
    private readonly slug: string,
    /** An API key of it. */
    readonly token: string,
  ) {}

  static async at(operators: Operators, isolation: Isolation): Promise<MovingTenant> {
    const slug = await provisioned(operators, isolation);
    await works(operators, slug); // served by now
    const { body } = await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {});
    const tenant = new MovingTenant(operators, slug, body.token);
    tenant.written = 1;
    for (let n = 0; n < ROWS; n += 1) await tenant.write();
    return tenant;
  }

  async view(): Promise<Json> {
    return (await this.operators.call('GET', `/admin/v1/tenants/${this.slug}`)).body;
  }

  async write(): Promise<void> {
    const email = `${(this.written += 1)}@example.com`;
    const { status } = await this.operators.call('POST', '/api/v1/customers', { name: 'Another', email }, this.token);
    expect(status).toBe(201);
  }

  async request(path: string, body: object = {}): Promise<Json> {
    let answer: { status: number; body: Json } | undefined;
    await soon(async () => {
      answer = await this.operators.call('POST', `/admin/v1/tenants/${this.slug}/${path}`, body);
      expect([answer.status, answer.body]).toEqual([202, expect.anything()]);
    });
    return answer!.body;
  }

  async run(path: string, body?: object): Promise<void> {
    await succeeded(this.operators, (await this.request(path, body)).id);
  }

  /** It has every row, once, and can be written to. */
  async isAt(isolation: Isolation): Promise<void> {
    expect(await this.view()).toMatchObject({ isolation, status: 'active' });
    await this.write();
    const { body } = await this.operators.call('GET', '/api/v1/customers?limit=100', undefined, this.token);
    expect(body.items).toHaveLength(this.written);
  }

  /** What a move has made that was taken back is removed by an operation of its own. */
  async hasNoMove(): Promise<void> {
    const { id } = await this.view();
    await soon(async () => {
      expect(await this.operators.database.admin('SELECT state FROM moves WHERE tenant_id = $1', [id])).toEqual([]);
    });
  }
}
