import type { Json, TestApp } from '../test-app.js';

export interface AdminBody {
  /** The documented example. */
  readonly example: Readonly<Record<string, unknown>>;
  /** The names of all fields it may have. */
  readonly fields: readonly string[];
  /** Whether all its fields are optional: no body is the same as an empty one. */
  readonly mayBeEmpty: boolean;
}

/** One route of the control plane, as the running application documents it. */
export interface AdminRoute {
  readonly method: string;
  /** `/admin/v1/tenants/{slug}` */
  readonly path: string;
  readonly queries: readonly string[];
  /** The shapes of its body, one per kind; empty for a route without a body. */
  readonly bodies: readonly AdminBody[];
}

/** Every documented admin route, including those added later. */
export async function adminRoutes(app: TestApp): Promise<AdminRoute[]> {
  const document = (await app.call('/docs-json')).body;
  return Object.entries<Record<string, Json>>(document.paths)
    .filter(([path]) => path.startsWith('/admin/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => toRoute(document, path, method, route)),
    );
}

/** Every admin route that Fastify serves, documented or not, as `GET /admin/v1/tenants/:slug`. */
export function servedAdminRoutes(app: TestApp): string[] {
  const tree: string = app.application.nest.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
  const path: string[] = [];
  return tree
    .split('\n')
    .flatMap((line) => {
      const match = /^([│ ]*[├└]── )(\S*)(?: \((.*)\))?$/.exec(line);
      if (!match) return [];
      const depth = (match[1]?.length ?? 0) / 4 - 1;
      path.splice(depth, path.length, match[2] ?? '');
      const methods = match[3]?.split(', ').filter((method) => method !== 'HEAD') ?? [];
      return methods.map((method) => `${method} ${path.join('')}`);
    })
    .filter((route) => route.includes(' /admin/'));
}

function toRoute(document: Json, path: string, method: string, { parameters = [], requestBody }: Json): AdminRoute {
  const schema = resolve(document, requestBody?.content['application/json'].schema);
  const shapes: Json[] = schema?.oneOf?.map((one: Json) => resolve(document, one)) ?? (schema ? [schema] : []);
  return {
    method: method.toUpperCase(),
    path,
    queries: parameters.filter((parameter: Json) => parameter.in === 'query').map(({ name }: Json) => name),
    bodies: shapes.map(({ example = {}, properties = {}, required = [] }) => ({
      example,
      fields: Object.keys(properties),
      mayBeEmpty: required.length === 0,
    })),
  };
}

function resolve(document: Json, schema: Json): Json {
  const { $ref, allOf } = schema ?? {};
  if (allOf) return resolve(document, allOf[0]);
  return $ref === undefined ? schema : document.components.schemas[$ref.split('/').at(-1)];
}
