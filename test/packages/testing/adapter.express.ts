/** Nest's default. */
export function createAdapter(): undefined {
  return undefined;
}
