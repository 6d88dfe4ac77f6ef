import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Test, type TestingModule } from '@nestjs/testing';
import { newTenantContext } from '../../../support/tenant-context.js';

const context = newTenantContext();
const scopeOf = (id: string) => ({ tenant: { id, slug: id }, dataSource: {} }) as never;
const seen: string[] = [];
const note = (listener: string): void => void seen.push(`${listener}: ${context.current().tenant.slug}`);

@Injectable()
class Listeners {
  @OnEvent('ordered')
  synchronous(): void {
    note('synchronous');
  }

  @OnEvent('ordered')
  async awaiting(): Promise<void> {
    await delay(5);
    note('awaiting');
  }

  @OnEvent('ordered', { async: true })
  deferred(): void {
    note('async');
  }

  @OnEvent('ordered', { nextTick: true })
  nextTick(): void {
    note('nextTick');
  }
}

let module: TestingModule;
beforeAll(async () => {
  module = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot()],
    providers: [Listeners],
  }).compile();
  await module.init();
});
afterAll(() => module.close());

describe("Nest's event emitter", () => {
  it.each(['emit', 'emitAsync'] as const)('runs every kind of listener for the tenant that emits: %s', async (emit) => {
    seen.length = 0;
    const emitter = module.get(EventEmitter2);
    const emitted = ['acme', 'globex', 'initech'].map((id) => context.run(scopeOf(id), () => emitter[emit]('ordered')));
    await Promise.all(emitted);
    for (let turn = 0; seen.length < 12 && turn < 100; turn += 1) await delay(5);
    const expected = ['acme', 'globex', 'initech'].flatMap((slug) =>
      ['async', 'awaiting', 'nextTick', 'synchronous'].map((listener) => `${listener}: ${slug}`),
    );
    expect([...seen].sort()).toEqual([...expected].sort());
    expect(context.isOpen).toBe(false);
  });
});
