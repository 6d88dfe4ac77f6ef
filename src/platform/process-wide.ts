/**
 * Returns what the process has under this name, and creates it at the first call.
 *
 * A process may load this package twice, as an ES module and as CommonJS. State that both must see has to be here, and
 * its shape is a contract between them: changing it needs a new name.
 */
export function processWide<T extends object>(name: string, create: () => T): T {
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  return (registry[Symbol.for(`tenantry/${name}`)] ??= create());
}
