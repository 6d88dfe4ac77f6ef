/**
 * Freezes a plain object and everything in it. Buffers are left as they are: JavaScript cannot freeze an array buffer
 * view that has elements.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
