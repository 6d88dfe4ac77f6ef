import { describe, expect, it } from '@jest/globals';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { INTERCEPTORS_METADATA } from '@nestjs/common/constants.js';
import { firstValueFrom, of } from 'rxjs';
import { currentReplicaScope } from '../../../../src/database/statements/positions/replica-scope.js';
import { ReadFromReplica } from '../../../../src/tenant/replicas/read-from-replica.decorator.js';
import { runInReplicaScope } from '../../../../src/tenant/replicas/replica-scope.js';
import { type CallContext, currentContext, runInContext } from '../../../../src/platform/context.js';

describe('a replica scope', () => {
  it('lasts for its work and what that awaits, and inherits what the call becomes known to be', async () => {
    const context: { tenantId?: string } = {};
    await runInContext(context as CallContext, async () => {
      await runInReplicaScope(
        async () => {
          context.tenantId = 'acme'; // a guard behind an interceptor
          await Promise.resolve();
          expect([currentReplicaScope()?.maxStalenessMs, currentContext()?.tenantId]).toEqual([5_000, 'acme']);
        },
        { maxStalenessMs: 5_000 },
      );
      expect(currentReplicaScope()).toBeUndefined();
    });
  });

  it('within another one goes on where that one reads', () => {
    runInReplicaScope(
      () => {
        currentReplicaScope()!.readsFrom = 'primary';
        runInReplicaScope(() => {
          expect(currentReplicaScope()).toMatchObject({ readsFrom: 'primary', maxStalenessMs: 5_000 });
        }, {});
      },
      { maxStalenessMs: 5_000 },
    );
  });

  it.each([0, 999, 300_001, NaN, Infinity, -1])('is not as stale as %d ms', (maxStalenessMs) => {
    const invalid = expect.objectContaining({ code: 'INVALID_STALENESS' });
    expect(() => runInReplicaScope(() => undefined, { maxStalenessMs })).toThrow(invalid);
    expect(() => ReadFromReplica({ maxStalenessMs })).toThrow(invalid);
  });
});

it('a decorated handler runs in one', async () => {
  class Controller {
    read(): unknown {
      return currentReplicaScope();
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Controller.prototype, 'read')!;
  ReadFromReplica({ maxStalenessMs: 2_000 })(Controller.prototype, 'read', descriptor);
  const [interceptor] = Reflect.getMetadata(INTERCEPTORS_METADATA, Controller.prototype.read) as [NestInterceptor];
  const handler: CallHandler = { handle: () => of(new Controller().read()) };
  const answer = await interceptor.intercept(undefined as unknown as ExecutionContext, handler);
  expect(await firstValueFrom(answer)).toMatchObject({ maxStalenessMs: 2_000 });
  expect(currentReplicaScope()).toBeUndefined();
});
