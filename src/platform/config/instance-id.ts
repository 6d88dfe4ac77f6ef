import { randomBytes } from 'node:crypto';

const ids = new WeakMap<object, string>();

/**
 * Tells applications that share a catalog apart, also two of one process: eight random hexadecimal digits per configuration
 * object, of which an application has one. It is no part of the configuration, which is the same for the same environment.
 */
export function instanceIdOf(config: object): string {
  let id = ids.get(config);
  if (id === undefined) ids.set(config, (id = randomBytes(4).toString('hex')));
  return id;
}
