/** Whether an object is a literal, `JSON.parse`'s or without a prototype, and not an instance of a class. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Another realm's Object.prototype, as in Jest, is none of ours; it has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
