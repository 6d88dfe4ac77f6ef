import * as nest from '@nestjs/common';
import { z } from 'zod';

/** `@nestjs/swagger` 12, which requires NestJS 12, converts schemas of zod itself, and names the shared ones. */
const CONVERTS_SCHEMAS = 'StandardSchemaValidationPipe' in nest;

/** Options of `@nestjs/swagger` that document a schema; `schema` is converted when the documentation is generated. */
export interface DocumentedSchema {
  readonly schema: object;
}

/** Documents a response: `@ApiOkResponse(responseSchema(orderView))`. */
export function responseSchema(schema: z.ZodType): DocumentedSchema {
  return CONVERTS_SCHEMAS ? standardSchema(schema) : convertedSchema(schema, 'output');
}

/** The parameters of a request body, as `@nestjs/swagger` stores them. */
export function bodyParameters(schema: z.ZodType): object[] {
  return CONVERTS_SCHEMAS ? [{ ...standardSchema(schema), in: 'body', required: true }] : convertedBody(schema);
}

/** The query parameters of a schema, as `@nestjs/swagger` stores them. */
export function queryParameters(schema: z.ZodObject): object[] {
  return CONVERTS_SCHEMAS ? [{ ...standardSchema(schema), in: 'query', required: true }] : convertedQuery(schema);
}

/** For `@nestjs/swagger` 11; the type is that of its `@ApiBody({ schema })`. */
export function convertedBody(schema: z.ZodType): object[] {
  return [Object.assign(convertedSchema(schema, 'input'), { in: 'body', required: true, type: String })];
}

/** For `@nestjs/swagger` 11. */
export function convertedQuery(schema: z.ZodObject): object[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, parameter]) =>
    Object.assign(convertedSchema(parameter, 'input'), {
      name,
      in: 'query',
      required: !parameter.safeParse(undefined).success,
      description: parameter.description ?? '',
    }),
  );
}

function standardSchema(schema: z.ZodType): DocumentedSchema {
  return { standardSchema: schema } as unknown as DocumentedSchema;
}

/** Converted on access: `@nestjs/swagger` is optional, and an application may not generate its documentation. */
function convertedSchema(schema: z.ZodType, io: 'input' | 'output'): DocumentedSchema {
  return {
    get schema() {
      return inlinedSchema(schema, io);
    },
  };
}

/** In OpenAPI 3.0, without references: before version 12 a decorator cannot add shared schemas to the documentation. */
export function inlinedSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { definitions = {}, $schema: _version, ...root } = z.toJSONSchema(schema, { target: 'openapi-3.0', io });
  return inline(root, definitions as Readonly<Record<string, unknown>>) as object;
}

function inline(value: unknown, definitions: Readonly<Record<string, unknown>>): unknown {
  if (Array.isArray(value)) return value.map((item) => inline(item, definitions));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...rest } = value as { readonly $ref?: string };
  const named =
    $ref === undefined ? {} : (inline(definitions[$ref.slice('#/definitions/'.length)], definitions) as object);
  const entries = Object.entries(rest).map(([key, child]) => [key, inline(child, definitions)]);
  return { ...named, ...Object.fromEntries(entries) };
}
