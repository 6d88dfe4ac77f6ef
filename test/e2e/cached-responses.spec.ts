import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { type Observable, of, tap } from 'rxjs';
import { AppModule } from '../../src/app/app.module.js';
import { tenantCacheKey } from '../../src/tenant/identification/tenant-cache-key.js';
import { createTestDatabase } from '../support/postgres/postgres.js';
import { TestApp, type TestTenant } from '../support/test-app.js';

/** Does with the key of `trackBy` what `CacheInterceptor` of `@nestjs/cache-manager` does. */
abstract class CacheInterceptor implements NestInterceptor {
  private readonly responses = new Map<string, unknown>();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const key = this.trackBy(context);
    if (key === undefined) return next.handle();
    if (this.responses.has(key)) return of(this.responses.get(key));
    return next.handle().pipe(tap((response) => this.responses.set(key, response)));
  }

  protected abstract trackBy(context: ExecutionContext): string | undefined;
}

@Injectable()
export class SafeCacheInterceptor extends CacheInterceptor {
  protected override trackBy(context: ExecutionContext): string | undefined {
    return tenantCacheKey(context);
  }
}

let app: TestApp;
let tenants: TestTenant[];

beforeAll(async () => {
  app = await TestApp.over(await createTestDatabase('catalog'), {}, undefined, {
    module: AppModule,
    providers: [{ provide: APP_INTERCEPTOR, useClass: SafeCacheInterceptor }],
  });
  tenants = [await app.provision('a-row', 'row'), await app.provision('b-row', 'row')];
});

afterAll(async () => app.dispose());

const names = async (apiKey: string, headers = {}): Promise<string[]> => {
  const { body } = await app.call('/api/v1/customers', { apiKey, headers });
  return body.items.map(({ name }: { name: string }) => name);
};

describe('responses that an application caches under the key of the tenant', () => {
  it('are served again, and never to another tenant or with another credential', async () => {
    const [a, b] = tenants as [TestTenant, TestTenant];
    const add = async ({ apiKey, slug }: TestTenant, name: string): Promise<void> => {
      const body = { name: `${slug} ${name}`, email: `${name}@example.com` };
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body })).status).toBe(201);
    };
    await add(a, 'one');
    await add(b, 'one');
    expect(await names(a.apiKey)).toEqual(['a-row one']);
    expect(await names(b.apiKey)).toEqual(['b-row one']);
    await add(a, 'two');
    expect(await names(a.apiKey)).toEqual(['a-row one']); // cached
    expect(await names(b.apiKey)).toEqual(['b-row one']);
    expect(await names(await app.issueKey(a))).toHaveLength(2);
    expect(await names(a.apiKey, { 'cache-control': 'no-cache' })).toHaveLength(2);
  });

  it('stay private for every cache on their way', async () => {
    const { headers } = await app.call('/api/v1/customers', { apiKey: tenants[0]?.apiKey });
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(headers.get('vary')).toContain('Authorization');
  });

  it('are not served once the credential is refused', async () => {
    const [a] = tenants as [TestTenant];
    await app.database.admin(`UPDATE tenants SET status = 'suspended' WHERE id = $1`, [a.id]);
    let status = 200;
    while (status === 200) ({ status } = await app.call('/api/v1/customers', { apiKey: a.apiKey }));
    expect(status).toBe(403);
  });
});
