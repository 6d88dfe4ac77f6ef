import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpCode, Query, StreamableFile } from '@nestjs/common';
import {
  CacheResponse,
  TenantCache,
  TenantConnectionService,
  TenantContext,
  TenantryModule,
  TenantScoped,
} from '../../../../src/index.js';
import { HostApplication } from '../../../support/host/host-application.js';
import { Invoices, NoteCounts, StatisticsController } from '../../../support/host/note-counts.js';
import { Note } from '../../../support/host/notes.module.js';
import type { TestTenant } from '../../../support/test-app.js';

let calls: string[] = [];

@TenantScoped()
@CacheResponse({ ttlMs: 60_000 })
@Controller('reports')
export class ReportsController {
  constructor(private readonly context: TenantContext) {}

  @Get('sum')
  sum(@Query('year') year: string) {
    return { slug: this.called('sum'), year };
  }

  @Get('null')
  empty() {
    this.called('null');
    return null;
  }

  @Get('later')
  @HttpCode(202)
  later() {
    return { slug: this.called('later') };
  }

  @Get('file')
  file() {
    return new StreamableFile(Buffer.from(this.called('file')));
  }

  @Get('large')
  large() {
    return { slug: this.called('large'), text: 'x'.repeat(1_100_000) };
  }

  @Get('failure')
  failure() {
    this.called('failure');
    throw new Error('it fails');
  }

  private called(name: string): string {
    const { slug } = this.context.current().tenant;
    calls.push(`${name} of ${slug}`);
    return slug;
  }
}

describe.each(['express', 'fastify'] as const)('@CacheResponse() on %s', (adapter) => {
  let host: HostApplication;
  let acme: TestTenant;
  let globex: TestTenant;

  beforeAll(async () => {
    host = await HostApplication.start({
      adapter,
      controllers: [ReportsController, StatisticsController],
      providers: [NoteCounts, Invoices],
      imports: [TenantryModule.forFeature({ entities: [Note] })],
    });
    [acme, globex] = [await host.provision('acme', 'row'), await host.provision('globex', 'row')];
    calls = [];
  });

  afterAll(() => host.dispose());

  const get = async ({ apiKey }: TestTenant, path: string, headers = {}): Promise<[number, string]> => {
    const answer = await host.fetch(`/reports/${path}`, { headers: { authorization: `Bearer ${apiKey}`, ...headers } });
    return [answer.status, await answer.text()];
  };

  it('serves a response again, to the same tenant only', async () => {
    const ask = (tenant: TestTenant) => get(tenant, 'sum?year=2026');
    for (let time = 0; time < 2; time += 1) {
      expect(await ask(acme)).toEqual([200, '{"slug":"acme","year":"2026"}']);
      expect(await ask(globex)).toEqual([200, '{"slug":"globex","year":"2026"}']);
    }
    expect(await get(acme, 'sum?year=2025')).toEqual([200, '{"slug":"acme","year":"2025"}']);
    expect(calls.splice(0)).toEqual(['sum of acme', 'sum of globex', 'sum of acme']);
  });

  it('makes it again when the tenant’s cache is cleared, and when the caller asks for that', async () => {
    await get(acme, 'sum?year=1');
    const clear = () => host.nest.get(TenantCache, { strict: false }).clear();
    await host.nest.get(TenantConnectionService, { strict: false }).run('acme', clear);
    await get(acme, 'sum?year=1');
    await get(acme, 'sum?year=1', { 'cache-control': 'no-cache' });
    expect(calls.splice(0)).toHaveLength(3);
  });

  it.each([
    ['null', [200, ''], 1],
    ['later', [202, '{"slug":"acme"}'], 2],
    ['file', [200, 'acme'], 2],
    ['large', [200, `{"slug":"acme","text":"${'x'.repeat(1_100_000)}"}`], 2],
    ['failure', [500, expect.stringContaining('Internal server error')], 2],
  ])('keeps bodies of status 200 that JSON can represent: %s', async (path, expected, made) => {
    const answers = [await get(acme, path), await get(acme, path)];
    if (path === 'null') expect(answers.map(([status]) => status)).toEqual([200, 200]);
    else expect(answers).toEqual([expected, expected]);
    expect(calls.splice(0)).toHaveLength(made);
  });

  it('gives concurrent callers a response each when it may not be kept', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => get(acme, 'later')));
    expect(answers).toEqual(Array.from({ length: 5 }, () => [202, '{"slug":"acme"}']));
    expect(calls.splice(0)).toHaveLength(5);
  });

  it('works as the guide shows it: values deleted after the commit, responses, names of files', async () => {
    const notes = host.nest.get(NoteCounts);
    const run = <T>(slug: string, work: () => Promise<T>): Promise<T> =>
      host.nest.get(TenantConnectionService, { strict: false }).run(slug, work);
    expect(await run('acme', () => notes.count())).toBe(0);
    await run('globex', () => notes.add('theirs'));
    expect([await run('acme', () => notes.count()), notes.computed]).toEqual([0, 1]);
    await run('acme', () => notes.add('ours'));
    expect([await run('acme', () => notes.count()), await run('globex', () => notes.count())]).toEqual([1, 1]);
    const ask = ({ apiKey }: TestTenant) =>
      host.fetch('/statistics', { headers: { authorization: `Bearer ${apiKey}` } });
    expect(await (await ask(acme)).json()).toEqual({ slug: 'acme', notes: 1 });
    await run('acme', () => notes.add('another'));
    expect(await (await ask(acme)).json()).toEqual({ slug: 'acme', notes: 1 });
    const key = await run('acme', async () => host.nest.get(Invoices).keyOf('7.pdf'));
    expect(key).toBe(`tenants/${acme.id}/invoices/7.pdf`);
  });
});
