import type { INestApplication } from '@nestjs/common';
import { ApiBearerAuth, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { OPERATIONS_PATH } from '../admin/operations/operation-location.js';
import { RouteAccess } from '../tenant/access/route-access.js';
import { OperationKinds } from '../operations/operation-kinds.js';

export const API_DOCS_PATH = 'docs';

/** Where `@nestjs/swagger` keeps what `ApiBearerAuth` has added. */
const API_SECURITY = 'swagger/apiSecurity';
const SCHEMAS = '#/components/schemas/';
const CREDENTIAL = 'A tenant API key (`tnt_…`) or a JSON Web Token; for the control plane, the admin API key';

/** Earlier versions let Swagger UI keep the admin key in the browser, where any script of the same origin could read it. */
const FORGET_CREDENTIAL = "localStorage.removeItem('authorized')";

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

interface RequestSchemas {
  readonly anyOf: Schemas[string][];
  readonly definitions: Schemas;
}

/** Serves the OpenAPI documentation at `/docs` and `/docs-json`. */
export function setUpApiDocs(app: INestApplication): void {
  const description =
    'Requests act on the tenant of their credential. Routes of the control plane require the admin API key.';
  const document = new DocumentBuilder()
    .setTitle('Tenantry')
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: CREDENTIAL })
    .build();
  documentCredentials(app.get(RouteAccess));
  SwaggerModule.setup(
    API_DOCS_PATH,
    app,
    () => withOperationRequests(app, SwaggerModule.createDocument(app, document)),
    { customJsStr: FORGET_CREDENTIAL },
  );
}

/** Every route that is not public takes a credential, whether its controller is decorated or not. */
function documentCredentials(routes: RouteAccess): void {
  for (const { handler, controller, access } of routes.routes()) {
    const isDocumented = [handler, controller].some((decorated) => Reflect.hasMetadata(API_SECURITY, decorated));
    if (access !== 'public' && !isDocumented) ApiBearerAuth()(controller.prototype, handler.name, { value: handler });
  }
}

/** Adds the request schemas of all operation kinds, which are known only at run time. */
function withOperationRequests(app: INestApplication, document: OpenAPIObject): OpenAPIObject {
  const requests = app.get(OperationKinds).requests.map(({ schema }) => schema);
  const union = JSON.stringify(z.toJSONSchema(z.union(requests), { target: 'openapi-3.0', io: 'input' }));
  const { anyOf, definitions } = JSON.parse(union.replaceAll('#/definitions/', SCHEMAS)) as RequestSchemas;
  const schemas = { ...document.components?.schemas, ...definitions, NewOperation: { oneOf: anyOf } };
  const create = document.paths[`/${OPERATIONS_PATH}`]?.post;
  if (create) create.requestBody = requestOf('NewOperation');
  return { ...document, components: { ...document.components, schemas } };
}

function requestOf(name: string): NonNullable<OpenAPIObject['paths'][string]['post']>['requestBody'] {
  return { required: true, content: { 'application/json': { schema: { $ref: `${SCHEMAS}${name}` } } } };
}
