import { expect } from '@jest/globals';
import { soon } from '../support/load/soon.js';
import type { Operators } from '../support/operations/operators.js';
import { hashAt } from '../support/restores/numbered-rows.js';
import type { Json } from '../support/test-app.js';
import { type CrashCase, type Isolation, isGone, provisioned, succeeded, works } from './operation-crashes.js';

/** Restores a backup over its tenant; the former rows can still be taken back. */
export async function restoreCase(operators: Operators, isolation: Isolation): Promise<CrashCase> {
  const tenant = await BackedUpTenant.at(operators, isolation);
  return {
    kind: 'restore',
    request: () => tenant.requestRestore(),
    verify: async () => {
      expect(await tenant.hash()).toEqual(tenant.backedUp);
      await works(operators, tenant.slug);
      const left = await tenant.view();
      await succeeded(operators, (await tenant.request('move/back')).id);
      expect(await tenant.hash()).toEqual(tenant.later);
      await tenant.hasNoMove();
      await isGone(left);
    },
  };
}

/** Takes a restore back; nothing is left of it. */
export async function restoreBackCase(operators: Operators, isolation: Isolation): Promise<CrashCase> {
  const tenant = await BackedUpTenant.at(operators, isolation);
  await succeeded(operators, (await tenant.requestRestore()).id);
  await works(operators, tenant.slug);
  const left = await tenant.view();
  return {
    kind: 'move-back',
    request: () => tenant.request('move/back'),
    verify: async () => {
      expect(await tenant.hash()).toEqual(tenant.later);
      await works(operators, tenant.slug);
      await tenant.hasNoMove();
      await isGone(left);
    },
  };
}

/** A tenant with a backup, and a row that was written since. */
class BackedUpTenant {
  /** Its rows in the backup. */
  backedUp: Record<string, string> = {};
  /** Its rows when the restore begins. */
  later: Record<string, string> = {};
  private backup = '';

  private constructor(
    private readonly operators: Operators,
    readonly slug: string,
  ) {}

  static async at(operators: Operators, isolation: Isolation): Promise<BackedUpTenant> {
    const tenant = new BackedUpTenant(operators, await provisioned(operators, isolation));
    await works(operators, tenant.slug);
    tenant.backedUp = await tenant.hash();
    const { body } = await operators.call('POST', '/admin/v1/backups', { tenant: tenant.slug });
    await succeeded(operators, body.id);
    tenant.backup = (await operators.call('GET', `/admin/v1/operations/${body.id}`)).body.result.backup;
    await works(operators, tenant.slug);
    tenant.later = await tenant.hash();
    return tenant;
  }

  async view(): Promise<Json> {
    return (await this.operators.call('GET', `/admin/v1/tenants/${this.slug}`)).body;
  }

  async hash(): Promise<Record<string, string>> {
    return hashAt(await this.view(), []);
  }

  requestRestore(): Promise<Json> {
    return this.accepted(`/admin/v1/backups/${this.backup}/restore`);
  }

  request(path: string): Promise<Json> {
    return this.accepted(`/admin/v1/tenants/${this.slug}/${path}`);
  }

  /** What a restore has made that was taken back is removed by an operation of its own. */
  async hasNoMove(): Promise<void> {
    const { id } = await this.view();
    await soon(async () => {
      expect(await this.operators.database.admin('SELECT state FROM moves WHERE tenant_id = $1', [id])).toEqual([]);
    });
  }

  private async accepted(path: string): Promise<Json> {
    const { status, body } = await this.operators.call('POST', path, {});
    expect([status, body]).toEqual([202, expect.anything()]);
    return body;
  }
}
