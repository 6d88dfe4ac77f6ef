import { type INestApplication, RequestMethod } from '@nestjs/common';
import {
  METHOD_METADATA,
  MODULE_PATH,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
  VERSION_METADATA,
} from '@nestjs/common/constants.js';
import { type ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';
import type { Access } from '../../../tenant/access/access.js';
import { type Route, RouteAccess } from '../../../tenant/access/route-access.js';

/** A route as callers see it. */
export interface TestedRoute {
  /** `GET /notes/:id` */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly access: Access;
  /** Whether a decorator, or `guard: 'global'`, has decided about its access. */
  readonly isDecided: boolean;
  /** Names of the parts of the query, the body and the headers that the handler asks for. */
  readonly queryKeys: readonly string[];
  readonly bodyKeys: readonly string[];
  readonly headerKeys: readonly string[];
  /** Whether it asks for the query as a whole. */
  readonly takesQuery: boolean;
  /** Whether the body is a list. */
  readonly isBodyList: boolean;
}

/** Of Nest's `RouteParamtypes`, which is not exported. */
const BODY = '3';
const QUERY = '4';
const HEADERS = '6';

/** The routes of all controllers, with their global prefix, version and module path. */
export function routesOf(app: INestApplication): TestedRoute[] {
  const access = app.get(RouteAccess, { strict: false });
  const { applicationId } = app.get(ModulesContainer, { strict: false });
  // Nest's own modules, such as that for OpenAPI, reach it in the same way.
  const config = (app as unknown as { config: ApplicationConfig }).config;
  const paths = new RoutePathFactory(config);
  return [...access.routes()].flatMap((route) => {
    const method = Reflect.getMetadata(METHOD_METADATA, route.handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const methods = method === RequestMethod.ALL ? ['GET', 'POST'] : [RequestMethod[method] ?? 'GET'];
    return pathsOf(route, method, paths, config, applicationId).flatMap((path) =>
      methods.map((each) => describeRoute(route, each, path, access)),
    );
  });
}

function pathsOf(
  { handler, controller, module }: Route,
  method: RequestMethod,
  factory: RoutePathFactory,
  config: ApplicationConfig,
  applicationId: string,
): string[] {
  const read = <T>(key: string, target: object): T | undefined => Reflect.getMetadata(key, target) as T | undefined;
  const asList = (value: string | string[] | undefined): string[] => [value ?? ''].flat();
  const modulePath = read<string>(MODULE_PATH + applicationId, module) ?? read<string>(MODULE_PATH, module);
  const versioningOptions = config.getVersioning();
  const found = asList(read(PATH_METADATA, controller)).flatMap((ctrlPath) =>
    asList(read(PATH_METADATA, handler)).flatMap((methodPath) => {
      const metadata = {
        ctrlPath: withSlash(ctrlPath),
        methodPath: withSlash(methodPath),
        globalPrefix: withSlash(config.getGlobalPrefix()),
        ...(modulePath !== undefined && { modulePath }),
        ...(versioningOptions && {
          versioningOptions,
          controllerVersion: read<string>(VERSION_METADATA, controller),
          methodVersion: read<string>(VERSION_METADATA, handler),
        }),
      };
      return factory.create(metadata, method);
    }),
  );
  return [...new Set(found)];
}

function describeRoute(
  { handler, controller, name, access }: Route,
  method: string,
  path: string,
  routes: RouteAccess,
): TestedRoute {
  const parts = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<
    string,
    { index?: number; data?: unknown }
  >;
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, name) ?? []) as unknown[];
  const whole = (kind: string) =>
    Object.entries(parts).find(([key, { data }]) => key.startsWith(`${kind}:`) && data === undefined)?.[1];
  const keysOf = (kind: string): string[] =>
    Object.entries(parts).flatMap(([key, { data }]) =>
      key.startsWith(`${kind}:`) && typeof data === 'string' ? [data] : [],
    );
  return {
    ...{ name: `${method} ${path}`, method, path, access },
    isDecided: access === 'tenant' || routes.decorated(handler, controller) !== undefined,
    queryKeys: keysOf(QUERY),
    bodyKeys: keysOf(BODY),
    headerKeys: keysOf(HEADERS),
    takesQuery: whole(QUERY) !== undefined,
    isBodyList: types[whole(BODY)?.index ?? -1] === Array,
  };
}

function withSlash(path: string): string {
  return path === '' || path.startsWith('/') ? path : `/${path}`;
}
