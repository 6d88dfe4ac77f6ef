import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { convertedBody, convertedQuery, inlinedSchema } from '../../../../src/http/input/documented-schema.js';

const line = z.strictObject({ quantity: z.int().min(1).max(9) }).meta({ id: 'InlinedLine' });
const order = z
  .strictObject({ number: z.string(), status: z.literal('draft').nullable(), lines: z.array(line) })
  .meta({ id: 'InlinedOrder', example: { number: 'A-1' } });

describe('a schema documented for @nestjs/swagger 11', () => {
  it('contains the schemas that it names, because a decorator cannot add those to the document', () => {
    const schema = inlinedSchema(z.array(order), 'input');
    expect(JSON.stringify(schema)).not.toMatch(/\$ref|\$schema|definitions/);
    expect(schema).toEqual({
      type: 'array',
      items: expect.objectContaining({
        type: 'object',
        example: { number: 'A-1' },
        required: ['number', 'status', 'lines'],
        properties: {
          number: { type: 'string' },
          status: { type: 'string', enum: ['draft'], nullable: true },
          lines: {
            type: 'array',
            items: expect.objectContaining({ properties: { quantity: { type: 'integer', minimum: 1, maximum: 9 } } }),
          },
        },
      }),
    });
  });

  it('is the schema of a body', () => {
    expect(convertedBody(line)).toEqual([
      { in: 'body', required: true, type: String, schema: expect.objectContaining({ type: 'object' }) },
    ]);
  });

  it('is a query parameter for each of its fields, required unless it has a default or is optional', () => {
    const filter = z.strictObject({
      limit: z.int().default(20).describe('How many'),
      name: z.string(),
      cursor: z.string().optional(),
    });
    expect(convertedQuery(filter)).toEqual([
      expect.objectContaining({ name: 'limit', in: 'query', required: false, description: 'How many' }),
      expect.objectContaining({ name: 'name', required: true, schema: { type: 'string' } }),
      expect.objectContaining({ name: 'cursor', required: false }),
    ]);
  });
});
