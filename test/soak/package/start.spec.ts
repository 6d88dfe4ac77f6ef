import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Body,
  Catch,
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  type PipeTransform,
  Post,
  VersioningType,
} from '@nestjs/common';
import { BaseExceptionFilter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TenantryModule } from '../../../src/index.js';
import { ADAPTERS, HostApplication } from '../../support/host/host-application.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { dropEverything } from '../../support/test-app.js';

describe('the start of a host application', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
  });

  afterAll(async () => dropEverything(database));

  it('is refused with two roots', async () => {
    const twice = HostApplication.start({
      ...{ adapter: 'express', database },
      imports: [TenantryModule.forRoot({ guard: 'global' })],
    });
    await expect(twice).rejects.toMatchObject({ code: 'SECOND_ROOT' });
  });

  it('is refused with two migrations of one name', async () => {
    const feature = () =>
      TenantryModule.forFeature({ migrations: [migration('Same1764300000000', () => Promise.resolve())] });
    const twice = HostApplication.start({ adapter: 'express', database, imports: [feature(), feature()] });
    await expect(twice).rejects.toMatchObject({ code: 'DUPLICATE_MIGRATION', migration: 'Same1764300000000' });
  });
});

/** A route of the host itself. */
@Controller('echo')
class EchoController {
  @Post()
  echo(@Body() body: object): object {
    return body;
  }

  @Get('failing')
  fail(): never {
    throw new BadRequestException('wrong in the words of the host');
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

@Injectable()
class StampingPipe implements PipeTransform {
  transform(value: unknown): unknown {
    return typeof value === 'object' ? { ...value, piped: true } : value;
  }
}

@Catch(BadRequestException)
class HostFilter extends BaseExceptionFilter {
  override catch(error: BadRequestException, host: ArgumentsHost): void {
    // oxlint-disable-next-line promise/no-promise-in-callback, promise/valid-params -- Nest's filter, not a promise
    super.catch(new BadRequestException({ filtered: error.message }), host);
  }
}

/** What the `main.ts` of the host does. */
function prepare(nest: INestApplication): void {
  nest.setGlobalPrefix('v');
  nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
  nest.enableCors({ origin: 'https://host.test' });
  nest.useGlobalPipes(new StampingPipe());
  nest.useGlobalFilters(new HostFilter(nest.getHttpAdapter()));
}

const json = { 'content-type': 'application/json' };
const REQUESTS: readonly [string, RequestInit][] = [
  ['/v/v2/echo', { method: 'POST', body: '{"a":1}', headers: json }],
  ['/v/v2/echo', { method: 'POST', body: '{', headers: json }],
  ['/v/v2/echo', { method: 'POST', body: JSON.stringify({ long: 'x'.repeat(110_000) }), headers: json }],
  ['/v/v2/echo', { method: 'POST', body: JSON.stringify({ long: 'x'.repeat(1_100_000) }), headers: json }],
  [
    '/v/v2/echo',
    { method: 'OPTIONS', headers: { origin: 'https://host.test', 'access-control-request-method': 'PUT' } },
  ],
  ['/v/v2/echo/failing', {}],
  ['/v/v2/nowhere', {}],
  ['/echo', { method: 'POST', body: '{}', headers: json }],
  ['/nowhere', { headers: { authorization: 'Bearer tnt_wrong', 'x-tenant-id': 'acme' } }],
];

describe.each(ADAPTERS)('what a host sets for all of its routes, on %s', (adapter) => {
  let tenanted: HostApplication;
  let plain: INestApplication;

  beforeAll(async () => {
    tenanted = await HostApplication.start({ adapter, prepare, imports: [EchoModule] });
    const options = { logger: false } as const;
    plain = await NestFactory.create(
      EchoModule,
      adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      options,
    );
    prepare(plain);
    await plain.listen(0, '127.0.0.1');
  });

  afterAll(async () => {
    await plain.close();
    await tenanted.dispose();
  });

  it('is as it was without TenantryModule', async () => {
    const plainUrl = (await plain.getUrl()).replace('[::1]', '127.0.0.1');
    for (const [path, init] of REQUESTS) {
      const before = await observed(plainUrl + path, init);
      expect(await observed(tenanted.url + path, init)).toEqual(before);
    }
  });

  it('holds for the routes of tenants, too', async () => {
    const { apiKey } = await tenanted.provision('acme', 'row');
    const answer = await tenanted.fetch('/v/v2/notes/who', { headers: { authorization: `Bearer ${apiKey}` } });
    expect({ status: answer.status, origin: answer.headers.get('access-control-allow-origin') }).toEqual({
      ...{ status: 200, origin: 'https://host.test' },
    });
  });
});

/** What a client sees of an answer, without its time. */
async function observed(url: string, init: RequestInit): Promise<object> {
  const answer = await fetch(url, init);
  const headers = [...answer.headers].filter(([name]) => name !== 'date');
  return { status: answer.status, headers, body: (await answer.text()).slice(0, 1_000) };
}
