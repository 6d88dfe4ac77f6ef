import type { Provider, Type } from '@nestjs/common';
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
