import { Body, Query } from '@nestjs/common';
import type { z } from 'zod';
import { bodyParameters, queryParameters } from './documented-schema.js';
import { SchemaPipe } from './schema.pipe.js';

/** Where `@nestjs/swagger`, which need not be installed, reads the parameters of a route. */
export const SWAGGER_PARAMETERS = 'swagger/apiParameters';

/**
 * The body, valid by a zod schema, and documented with it. Needs no global pipe.
 *
 * @throws ValidationFailedError
 */
export function ValidBody(schema: z.ZodType): ParameterDecorator {
  return (target, method, index) => {
    Body(new SchemaPipe(schema))(target, method, index);
    document(target, method, bodyParameters(schema));
  };
}

/** The query parameters, valid by a zod schema, and documented with it. @throws ValidationFailedError */
export function ValidQuery(schema: z.ZodObject): ParameterDecorator {
  return (target, method, index) => {
    Query(new SchemaPipe(schema))(target, method, index);
    document(target, method, queryParameters(schema));
  };
}

function document(target: object, method: string | symbol | undefined, parameters: readonly object[]): void {
  const handler = (target as Record<string | symbol, object>)[method ?? '']!;
  const documented = (Reflect.getMetadata(SWAGGER_PARAMETERS, handler) ?? []) as readonly object[];
  Reflect.defineMetadata(SWAGGER_PARAMETERS, [...documented, ...parameters], handler);
}
