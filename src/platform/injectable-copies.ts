import type { INestApplicationContext, Provider, Type } from '@nestjs/common';
import { processWide } from './process-wide.js';

/** The classes of each name, one of each copy of this package that the process has loaded. */
const copies = processWide('injectables', () => new Map<string, Set<Type>>());

/** Registers classes that applications inject, so that another copy of this package resolves its own to the same instances. */
export function registerInjectables(classes: readonly Type[]): void {
  for (const each of classes) copies.set(each.name, (copies.get(each.name) ?? new Set()).add(each));
}

/** Providers that resolve the same classes of other copies: a process may load this package as an ES module and as CommonJS. */
export function providersForCopies(classes: readonly Type[]): (Provider & { readonly provide: Type })[] {
  return classes.flatMap((each) =>
    [...(copies.get(each.name) ?? [])]
      .filter((copy) => copy !== each)
      .map((copy) => ({ provide: copy, useExisting: each })),
  );
}

/**
 * The application's instance, also when the application has loaded another copy of this package than the caller.
 *
 * @throws Nest's UnknownElementException
 */
export function resolveInjectable<T>(app: Pick<INestApplicationContext, 'get'>, wanted: Type<T>): T {
  const others = [...(copies.get(wanted.name) ?? [])].filter((copy) => copy !== wanted);
  for (const copy of others) {
    try {
      return app.get<T>(copy, { strict: false });
    } catch {
      // the application was made with another copy
    }
  }
  return app.get(wanted, { strict: false });
}
