import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpException,
  type INestApplication,
  InternalServerErrorException,
  Module,
  Param,
  Post,
  ServiceUnavailableException,
  type Type,
  UnauthorizedException,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TenantBusyError } from '../../../../src/database/pool/pool.errors.js';
import { ProblemFilter } from '../../../../src/http/problems/problem.filter.js';
import { ADAPTERS, BareApplication } from '../../../support/http/bare-application.js';

const ERRORS: Readonly<Record<string, Error>> = {
  busy: new TenantBusyError(1, 2),
  payment: new HttpException('your card has expired', 402),
  teapot: new HttpException('short and stout', 418),
  unprocessable: new HttpException('two dates overlap', 422),
  'too-many': new HttpException('slow down', 429),
  odd: new HttpException('odd', 499),
  fields: new BadRequestException(['name should not be empty', 'age must be a number']),
  maintenance: new ServiceUnavailableException('back at noon'),
  unauthorized: new UnauthorizedException(),
  internal: new InternalServerErrorException('password is hunter2'),
  upstream: Object.assign(new Error('upstream says no'), { statusCode: 404 }),
};

class Routes {
  @Get(':name')
  raise(@Param('name') name: string): never {
    throw ERRORS[name]!;
  }

  @Post()
  accept(@Body() body: unknown): unknown {
    return body;
  }
}

@Controller()
class PlainController extends Routes {}

@Controller()
@UseFilters(ProblemFilter)
class FilteredController extends Routes {}

@Module({ controllers: [PlainController] })
class PlainModule {}

@Module({ controllers: [PlainController], providers: [{ provide: APP_FILTER, useClass: ProblemFilter }] })
class ProvidingModule {}

@Module({ controllers: [FilteredController] })
class FilteredModule {}

const INSTALLED: Readonly<Record<string, readonly [Type, ((nest: INestApplication) => unknown)?]>> = {
  useGlobalFilters: [PlainModule, (nest) => nest.useGlobalFilters(new ProblemFilter())],
  APP_FILTER: [ProvidingModule],
  '@UseFilters': [FilteredModule],
};

const CASES = ADAPTERS.flatMap((adapter) => Object.keys(INSTALLED).map((way) => ({ adapter, way })));

describe.each(CASES)('the problem filter on $adapter, installed by $way', ({ adapter, way }) => {
  let host: BareApplication;

  beforeAll(async () => {
    const [root, configure] = INSTALLED[way]!;
    host = await BareApplication.start(root, adapter, configure);
  });

  afterAll(async () => {
    await host.stop();
  });

  it.each([
    ['busy', 429, 'TENANT_BUSY', 'this tenant has reached its limit of concurrent requests (running 1, waiting 2)'],
    ['payment', 402, 'PAYMENT_REQUIRED', 'your card has expired'],
    ['teapot', 418, 'I_AM_A_TEAPOT', 'short and stout'],
    ['unprocessable', 422, 'UNPROCESSABLE_ENTITY', 'two dates overlap'],
    ['too-many', 429, 'RATE_LIMITED', 'slow down'],
    ['odd', 499, 'BAD_REQUEST', 'odd'],
    ['fields', 400, 'BAD_REQUEST', 'name should not be empty; age must be a number'],
    ['maintenance', 503, 'SERVICE_UNAVAILABLE', 'back at noon'],
    ['unauthorized', 401, 'UNAUTHENTICATED', 'Unauthorized'],
    ['internal', 500, 'INTERNAL_ERROR', 'an unexpected error occurred'],
    ['upstream', 500, 'INTERNAL_ERROR', 'an unexpected error occurred'],
  ])('responds to "%s" with %i %s', async (name, status, code, detail) => {
    const answer = await host.call(`/${name}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      status,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
    expect(answer.body).toEqual({ type: 'about:blank', title: expect.any(String), status, code, detail });
  });

  it('asks to retry, and for a credential', async () => {
    expect((await host.call('/busy')).headers.get('retry-after')).toBe('1');
    expect((await host.call('/unauthorized')).headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe.each(ADAPTERS)('the problem filter for a whole application on %s', (adapter) => {
  let host: BareApplication;

  beforeAll(async () => {
    host = await BareApplication.start(PlainModule, adapter, (nest) => nest.useGlobalFilters(new ProblemFilter()));
  });

  afterAll(async () => {
    await host.stop();
  });

  it.each([
    ['that is too large', JSON.stringify('x'.repeat(2_000_000)), 413, 'PAYLOAD_TOO_LARGE'],
    ['that is not JSON', '{"name":', 400, 'BAD_REQUEST'],
  ])('responds to a body %s with a problem', async (_case, body, status, code) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await host.call('/', { method: 'POST', headers, body });
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ status, code })]);
  });

  it('responds to an unknown path with a problem', async () => {
    expect((await host.call('/no/such/path')).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('the problem filter', () => {
  it('leaves errors of GraphQL, microservices and web sockets to those', () => {
    const host = { getType: () => 'graphql' } as unknown as ArgumentsHost;
    expect(() => new ProblemFilter().catch(ERRORS['busy'], host)).toThrow(ERRORS['busy']);
  });
});
