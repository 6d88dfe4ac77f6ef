/**
 * Freezes a plain object or array, and those in it. Other objects (dates, buffers, instances of classes) are left as they are:
 * the application may use them elsewhere, and some cannot be frozen or no longer work.
 */
export function deepFreeze<T>(value: T): T {
  freeze(value, new Set());
  return value;
}

function freeze(value: unknown, seen: Set<unknown>): void {
  if (!isPlain(value) || seen.has(value)) return;
  seen.add(value);
  for (const part of Object.values(value)) freeze(part, seen);
  Object.freeze(value);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
