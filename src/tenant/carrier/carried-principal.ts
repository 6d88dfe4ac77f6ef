import { isPlainObject } from '../../platform/is-plain-object.js';
import { UncarriablePrincipalError } from './carrier.errors.js';

/** Bytes of the principal as JSON: carriers are stored with every job. */
export const MAX_PRINCIPAL_BYTES = 8_192;

const MAX_DEPTH = 16;

/**
 * The principal as JSON, refused where parsing that would not return the same: class instances, dates, functions, cycles.
 * Undefined properties of objects are left out, as JSON does: they read the same.
 *
 * @throws UncarriablePrincipalError
 */
export function principalJson(principal: unknown): string {
  assertPlain(principal, 'principal', 0);
  const json = JSON.stringify(principal);
  if (Buffer.byteLength(json) > MAX_PRINCIPAL_BYTES)
    throw new UncarriablePrincipalError('principal', `has more than ${MAX_PRINCIPAL_BYTES} bytes as JSON`);
  return json;
}

function assertPlain(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) return;
  if (typeof value !== 'object') throw new UncarriablePrincipalError(path, `is ${kindOf(value)}, which JSON has not`);
  if (depth === MAX_DEPTH) throw new UncarriablePrincipalError(path, `is nested in more than ${MAX_DEPTH} objects`);
  if (Array.isArray(value)) return value.forEach((item, index) => assertPlain(item, `${path}.${index}`, depth + 1));
  if (!isPlainObject(value)) throw new UncarriablePrincipalError(path, 'is an instance of a class');
  for (const [key, part] of Object.entries(value)) {
    // What is merged from it later must not change the prototype of its target.
    if (key === '__proto__') throw new UncarriablePrincipalError(path, 'has a property "__proto__"');
    if (part !== undefined) assertPlain(part, `${path}.${key}`, depth + 1);
  }
}

function kindOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value;
}
