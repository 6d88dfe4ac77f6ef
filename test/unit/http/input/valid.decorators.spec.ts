import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArgumentMetadata, BadRequestException, Controller, Get, Module, Post } from '@nestjs/common';
import { DECORATORS, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { SWAGGER_PARAMETERS, ValidBody, ValidQuery } from '../../../../src/http/input/valid.decorators.js';
import { wholeNumber } from '../../../../src/http/input/whole-number.js';
import type { Json } from '../../../support/test-app.js';
import { ADAPTERS, BareApplication } from '../../../support/http/bare-application.js';

const order = z
  .strictObject({
    number: z.string().max(5),
    status: z.enum(['draft', 'placed']).default('draft'),
    lines: z.array(z.strictObject({ quantity: z.int() })).default([]),
  })
  .meta({ id: 'NewThing', example: { number: 'A-1' } });
const filter = z.strictObject({ limit: wholeNumber(1, 100).default(20).describe('How many'), name: z.string() });

@Controller()
class OrdersController {
  @Post()
  create(@ValidBody(order) body: z.infer<typeof order>): object {
    return body;
  }

  @Get()
  list(@ValidQuery(filter) query: z.infer<typeof filter>): object {
    return query;
  }
}

@Module({ controllers: [OrdersController] })
class HostModule {}

/** Treats as invalid what the `ValidationPipe` of Nest would validate: parameters with a class of the application. */
const hostPipe = {
  transform(value: unknown, { metatype }: ArgumentMetadata): unknown {
    if (metatype !== undefined && ![String, Boolean, Number, Array, Object].includes(metatype as never)) {
      throw new BadRequestException();
    }
    return value;
  },
};

describe.each(ADAPTERS)('a valid parameter on %s, in an application with a pipe of its own', (adapter) => {
  let host: BareApplication;

  beforeAll(async () => {
    host = await BareApplication.start(HostModule, adapter, (nest) => nest.useGlobalPipes(hostPipe));
  });

  afterAll(async () => {
    await host.stop();
  });

  function post(body: string): Promise<{ status: number; body: Json }> {
    return host.call('/', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  }

  it('is what the schema makes of it', async () => {
    const { status, body } = await post('{"number":"A-1"}');
    expect([status, body]).toEqual([201, { number: 'A-1', status: 'draft', lines: [] }]);
    expect((await host.call('/?name=x&limit=7')).body).toEqual({ limit: 7, name: 'x' });
  });

  it.each([
    ['a field that is missing', '{}', [{ field: 'number', message: expect.any(String) }]],
    [
      'a field that is nested',
      '{"number":"A","lines":[{"quantity":"1"}]}',
      [expect.objectContaining({ field: 'lines.0.quantity' })],
    ],
    ['an unknown field', '{"number":"A","tenantId":"x"}', [{ field: 'tenantId', message: 'is not a known field' }]],
    ['a constructor', '{"number":"A","constructor":1}', [{ field: 'constructor', message: 'is not a known field' }]],
    ['a list', '[]', [{ field: '', message: expect.any(String) }]],
  ])('is refused for %s, by name', async (_case, body, errors) => {
    expect(await post(body)).toMatchObject({
      status: 400,
      body: { statusCode: 400, code: 'VALIDATION_FAILED', errors },
    });
  });

  it('does not accept a prototype', async () => {
    expect((await post('{"number":"A","__proto__":{"admin":true}}')).status).toBe(400);
  });

  it('is refused with a bounded number of fields', async () => {
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`${'x'.repeat(300)}${n}`, n]));
    const { body } = await post(JSON.stringify({ number: 'A', ...fields }));
    expect(body.errors).toHaveLength(50);
    expect(body.errors[0].field).toHaveLength(100);
  });

  it('is documented', () => {
    const document = SwaggerModule.createDocument(host.nest, new DocumentBuilder().build());
    const { get, post: create } = document.paths['/']!;
    expect(get?.parameters).toEqual([
      expect.objectContaining({ name: 'limit', in: 'query', required: false, description: 'How many' }),
      expect.objectContaining({ name: 'name', in: 'query', required: true }),
    ]);
    const media = (create as Json).requestBody.content['application/json'];
    expect(media.schema).toEqual({ $ref: '#/components/schemas/NewThing' });
    expect(document.components?.schemas?.['NewThing']).toMatchObject({ example: { number: 'A-1' } });
  });
});

describe('the documentation of parameters', () => {
  it('is where @nestjs/swagger reads it', () => {
    expect(SWAGGER_PARAMETERS).toBe(DECORATORS.API_PARAMETERS);
  });
});
