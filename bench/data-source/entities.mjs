import { EntitySchema } from 'typeorm';

/** Creates `count` entities, each with 11 columns, an index and a relation to the previous one. */
export function entitySchemas(count) {
  return Array.from({ length: count }, (_, n) => entitySchema(n));
}

function entitySchema(n) {
  return new EntitySchema({
    name: `entity_${n}`,
    columns: {
      id: { type: 'uuid', primary: true, generated: 'uuid' },
      number: { type: 'int' },
      name: { type: 'text' },
      note: { type: 'text', nullable: true },
      status: { type: 'enum', enum: ['open', 'closed'], default: 'open' },
      tags: { type: 'text', array: true, default: [] },
      details: { type: 'jsonb', default: {} },
      price: { type: 'numeric', precision: 12, scale: 2 },
      version: { type: 'int', version: true },
      createdAt: { type: 'timestamptz', createDate: true },
      updatedAt: { type: 'timestamptz', updateDate: true },
    },
    indices: [{ columns: ['number'], unique: true }],
    relations: n === 0 ? {} : { previous: { type: 'many-to-one', target: `entity_${n - 1}`, joinColumn: true } },
  });
}
