import type { INestApplication } from '@nestjs/common';
import type { Values } from '../tables/tenant-rows.js';

/** The part of OpenAPI's schemas that an example is made of. */
interface Schema {
  readonly $ref?: string;
  readonly example?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly allOf?: readonly Schema[];
}

type Schemas = Readonly<Record<string, Schema>>;

/** Enough for objects in objects; a schema may contain itself. */
const MAX_DEPTH = 5;

const TEXTS: Readonly<Record<string, string>> = {
  email: 'isolation@example.com',
  uuid: '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11',
  date: '2026-01-01',
  'date-time': '2026-01-01T00:00:00.000Z',
  uri: 'https://example.com',
};

/** Bodies that the application's own documentation gives as examples, by route; none without `@nestjs/swagger`. */
export async function documentedBodies(app: INestApplication): Promise<ReadonlyMap<string, Values>> {
  const bodies = new Map<string, Values>();
  for (const [path, operations] of Object.entries(await documentedPaths(app))) {
    for (const [method, body] of Object.entries(operations)) {
      bodies.set(`${method.toUpperCase()} ${path.replaceAll(/\{([^}]+)\}/g, ':$1')}`, body);
    }
  }
  return bodies;
}

async function documentedPaths(app: INestApplication): Promise<Record<string, Record<string, Values>>> {
  try {
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const { paths, components } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const schemas = (components?.schemas ?? {}) as Schemas;
    const found = Object.entries(paths).map(([path, item]) => {
      const operations = Object.entries(item as Record<string, { requestBody?: unknown } | undefined>);
      const bodies = operations.flatMap(([method, operation]) => {
        const example = exampleOf(schemaOf(operation?.requestBody), schemas);
        return isObject(example) ? [[method, example] as const] : [];
      });
      return [path, Object.fromEntries(bodies)] as const;
    });
    return Object.fromEntries(found);
  } catch {
    return {}; // not installed, or the documentation cannot be generated: bodies are made of rows only
  }
}

function schemaOf(requestBody: unknown): Schema | undefined {
  const { content } = (requestBody ?? {}) as { content?: Record<string, { schema?: Schema; example?: unknown }> };
  const media = content?.['application/json'];
  return media?.example === undefined ? media?.schema : { example: media.example };
}

function exampleOf(schema: Schema | undefined, schemas: Schemas, depth = 0): unknown {
  if (!schema || depth > MAX_DEPTH) return undefined;
  const { $ref, allOf, example, enum: values, type, properties, items } = schema;
  const inner = (each: Schema): unknown => exampleOf(each, schemas, depth + 1);
  if (example !== undefined) return example;
  if (schema.default !== undefined) return schema.default;
  if ($ref !== undefined) return inner(schemas[$ref.slice($ref.lastIndexOf('/') + 1)] ?? {});
  if (allOf) return Object.assign({}, ...allOf.map(inner)) as unknown;
  if (values) return values[0];
  if (properties) return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, inner(each)]));
  if (type === 'array') return items ? [inner(items)] : [];
  if (type === 'number' || type === 'integer') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  return type === 'string' ? (TEXTS[schema.format ?? ''] ?? 'text'.padEnd(schema.minLength ?? 0, 't')) : undefined;
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
