import type pg from 'pg';

/** The same connection, which calls `then` after each statement that begins so, before its caller has the result. */
export function afterStatement(client: pg.Client, beginning: string, then: () => Promise<unknown>): pg.Client {
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'query') return value.bind(target);
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        if (typeof args[0] !== 'string' || !args[0].startsWith(beginning)) return result;
        return (result as Promise<unknown>).then(async (settled) => {
          await then();
          return settled;
        });
      };
    },
  });
}
