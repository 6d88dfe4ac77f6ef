/** A value as an operator types it. @throws Error with what is expected */
export function parseTyped(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new Error('The value must be JSON: a text needs quotation marks');
  }
}
