import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { inlinedSchema } from '../../../src/http/documented-schema.js';

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
});
