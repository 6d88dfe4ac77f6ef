import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Module, type Type } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { hooksOf, onTenant } from '../../../../src/admin/tenant-hooks/on-tenant.decorator.js';
import type { TenantHooks } from '../../../../src/admin/tenant-hooks/tenant-hooks.js';

async function found(providers: Type[]): Promise<object[]> {
  @Module({ providers })
  class HostModule {}
  const options = { preview: true, logger: false, abortOnError: false } as const;
  const app = await NestFactory.createApplicationContext(HostModule, options);
  return hooksOf(app.get(ModulesContainer)).map(({ type: _type, ...declared }) => declared);
}

class Billing implements TenantHooks {
  async provisioned(): Promise<void> {}
  async deleted(): Promise<void> {}
}

describe('onTenant', () => {
  it('declares a class with the events of its methods, found among providers that are not instantiated', async () => {
    class Mail extends Billing {}
    onTenant()(Mail);
    class Account extends Billing {}
    onTenant({ name: 'account', required: true, timeoutSeconds: 5 })(Account);
    class Plain extends Account {}
    expect(await found([Mail, Account, Plain])).toEqual([
      { name: 'Mail', events: ['provisioned', 'deleted'], required: false, timeoutMs: 60_000 },
      { name: 'account', events: ['provisioned', 'deleted'], required: true, timeoutMs: 5_000 },
    ]);
  });

  it('refuses a class without hooks, an unusable name and an unlimited time', () => {
    class Empty {}
    for (const options of [
      { name: 'seed' },
      { name: '1st' },
      { name: '' },
      { timeoutSeconds: 0 },
      { timeoutSeconds: NaN },
    ]) {
      expect(() => onTenant(options)(Billing)).toThrow(expect.objectContaining({ code: 'INVALID_HOOKS' }));
    }
    expect(() => onTenant()(Empty)).toThrow('provisioned');
  });

  it('refuses two classes with one name', async () => {
    class Mail extends Billing {}
    onTenant()(Mail);
    class Other extends Billing {}
    onTenant({ name: 'Mail' })(Other);
    await expect(found([Mail, Other])).rejects.toMatchObject({ code: 'DUPLICATE_HOOKS' });
  });
});
