import { Inject, Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { ACCESS, ACCESS_OPTIONS, type Access, type AccessOptions } from './access.js';

/** As Nest types handlers and controllers. */
export type Handler = Parameters<Reflector['get']>[1];

/** A method of a controller that serves a route. */
export interface Route {
  readonly handler: Handler;
  readonly controller: new (...parameters: never[]) => object;
  /** Of the method. */
  readonly name: string;
  /** The module that declares the controller. */
  readonly module: object;
  readonly access: Access;
}

/** Which callers a route admits, by its decorators or by default. */
@Injectable()
export class RouteAccess {
  private readonly defaultAccess: Access;

  constructor(
    private readonly reflector: Reflector,
    private readonly modules: ModulesContainer,
    @Inject(ACCESS_OPTIONS) { guard }: AccessOptions,
  ) {
    this.defaultAccess = guard === 'global' ? 'tenant' : 'public';
  }

  of(handler: Handler, controller: Handler): Access {
    return this.decorated(handler, controller) ?? this.defaultAccess;
  }

  /** Undefined without a decorator. */
  decorated(handler: Handler, controller: Handler): Access | undefined {
    return this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, controller]);
  }

  /** Every method of every controller; known once the application's modules are. */
  *routes(): Iterable<Route> {
    const scanner = new MetadataScanner();
    for (const module of this.modules.values()) {
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype !== 'function') continue;
        const prototype = metatype.prototype as Record<string, Handler>;
        for (const name of scanner.getAllMethodNames(prototype)) {
          const handler = prototype[name]!;
          const controller = metatype as Route['controller'];
          yield { handler, controller, name, module: module.metatype, access: this.of(handler, metatype) };
        }
      }
    }
  }
}
