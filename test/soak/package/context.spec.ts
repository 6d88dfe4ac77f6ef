import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, BaseExceptionFilter } from '@nestjs/core';
import { type Observable, timeout } from 'rxjs';
import { ADAPTERS, HostApplication } from '../../support/host/host-application.js';
import { NotesModule, Places } from '../../support/host/notes.module.js';
import { soon } from '../../support/load/soon.js';
import type { TestTenant } from '../../support/test-app.js';

/** Parts of the application itself, installed for all of its routes. */
@Injectable()
class HostGuard implements CanActivate {
  constructor(private readonly places: Places) {}

  async canActivate(): Promise<boolean> {
    await Promise.resolve();
    this.places.note('guard of the host');
    return true;
  }
}

@Injectable()
class HostInterceptor implements NestInterceptor {
  constructor(private readonly places: Places) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.places.note('interceptor of the host');
    const isTimed = context.switchToHttp().getRequest<{ url: string }>().url.includes('timed');
    return isTimed ? next.handle().pipe(timeout(30)) : next.handle();
  }
}

@Catch()
class HostFilter extends BaseExceptionFilter {
  @Inject() private readonly places: Places;

  override catch(error: unknown, host: ArgumentsHost): void {
    this.places.note('filter of the host');
    // oxlint-disable-next-line promise/no-promise-in-callback, promise/valid-params -- Nest's filter, not a promise
    super.catch(error, host);
  }
}

describe.each(ADAPTERS)('the context of a request on %s', (adapter) => {
  let app: HostApplication;
  let places: Places;
  let acme: TestTenant;
  let globex: TestTenant;

  const as = ({ apiKey }: TestTenant): { headers: Record<string, string> } => ({
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const add = (tenant: TestTenant, text: string): Promise<Response> =>
    app.fetch('/notes', { method: 'POST', body: JSON.stringify({ text }), ...as(tenant) });

  beforeAll(async () => {
    app = await HostApplication.start({
      adapter,
      imports: [NotesModule],
      providers: [
        { provide: APP_GUARD, useClass: HostGuard },
        { provide: APP_INTERCEPTOR, useClass: HostInterceptor },
        { provide: APP_FILTER, useClass: HostFilter },
      ],
    });
    places = app.nest.get(Places, { strict: false });
    acme = await app.provision('acme', 'row');
    globex = await app.provision('globex', 'database');
    await add(acme, 'of acme');
    await add(globex, 'of globex');
  });

  beforeEach(() => void places.take());

  afterAll(async () => app.dispose());

  it('is open in every interceptor, pipe and handler, the application’s own too', async () => {
    expect((await add(acme, 'another')).status).toBe(201);
    expect(places.take()).toEqual({
      'guard of the host': undefined,
      'interceptor of the host': 'acme',
      interceptor: 'acme',
      pipe: 'acme',
      handler: 'acme',
      'handler, after a statement': 'acme',
      'interceptor, afterwards': 'acme',
    });
  });

  it('is none on routes that are not a tenant’s, whatever the credential', async () => {
    expect(await (await app.fetch('/own', as(acme))).text()).toBe('plain');
    expect(places.take()).toMatchObject({ own: undefined, 'interceptor of the host': undefined });
  });

  it('comes with answers that no shared cache keeps, and leaves those of other routes as they are', async () => {
    const [list, own] = await Promise.all([app.fetch('/notes', as(acme)), app.fetch('/own')]);
    expect(list.headers.get('cache-control')).toBe('private, no-store');
    expect(list.headers.get('vary')).toBe('Authorization, X-Tenant-ID');
    expect(own.headers.get('cache-control')).toBeNull();
    expect(own.headers.get('vary')).toBeNull();
  });

  it('is a single route’s where only that one is a tenant’s', async () => {
    expect((await app.fetch('/own/scoped')).status).toBe(401);
    expect(await (await app.fetch('/own/scoped', as(acme))).text()).toBe('scoped');
    expect(places.take()).toMatchObject({ scoped: 'acme' });
  });

  it('lasts while an answer is streamed', async () => {
    expect(await (await app.fetch('/notes/stream', as(globex))).text()).toBe('of globex\n'.repeat(3));
    expect(places.take()).toMatchObject({ 'stream 0': 'globex', 'stream 2': 'globex' });
    const events = await (await app.fetch('/notes/events', as(globex))).text();
    expect(events.match(/data: of globex/g)).toHaveLength(3);
  });

  it('is still there for exception filters, and gone afterwards', async () => {
    expect((await app.fetch('/notes/failing', as(acme))).status).toBe(500);
    expect(places.take()).toMatchObject({ 'filter of the host': 'acme' });
    await app.fetch('/own');
    expect(places.take()).toMatchObject({ own: undefined });
  });

  it('stays with work that goes on behind a timeout, and behind a client that has gone', async () => {
    expect((await app.fetch('/notes/slow/100?timed', as(globex))).status).toBe(500);
    await soon(async () => expect(places.take()).toMatchObject({ slow: 'globex' }));
    const leaving = new AbortController();
    const left = app.fetch('/notes/slow/100', { ...as(globex), signal: leaving.signal });
    setTimeout(() => leaving.abort(), 30);
    await expect(left).rejects.toThrow(/abort/);
    await soon(async () => expect(places.take()).toMatchObject({ slow: 'globex' }));
  });

  it('is never another request’s, however requests overlap', async () => {
    const requests = Array.from({ length: 60 }, async (_, index) => {
      const tenant = index % 2 === 0 ? acme : globex;
      const answer = await app.fetch(`/notes/slow/${index % 7}`, as(tenant));
      const texts = (await answer.json()) as string[];
      expect(texts).toEqual(texts.filter((text) => text === 'another' || text === `of ${tenant.slug}`));
      expect(texts).toContain(`of ${tenant.slug}`);
    });
    await Promise.all(requests);
  });

  it('is not opened for callers whom the guard refuses', async () => {
    expect((await app.fetch('/notes')).status).toBe(401);
    expect((await app.fetch('/notes', { headers: { authorization: 'Bearer tnt_wrong' } })).status).toBe(401);
    expect((await app.fetch('/notes', { headers: { ...as(acme).headers, 'x-tenant-id': 'globex' } })).status).toBe(403);
    expect(places.take()).toMatchObject({ 'filter of the host': undefined });
  });
});
