/** No cookie of this application is longer, with its name. */
const MAX_HEADER = 16_384;

/**
 * The value of a cookie of a request; undefined without it. Also where two have the name: one of them may be from a page of a
 * sibling domain, and nothing tells which.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > MAX_HEADER) return undefined;
  const values = header.split(';').flatMap((pair) => {
    const [key = '', ...value] = pair.split('=');
    return key.trim() === name ? [value.join('=').trim()] : [];
  });
  return values.length === 1 ? values[0] : undefined;
}
