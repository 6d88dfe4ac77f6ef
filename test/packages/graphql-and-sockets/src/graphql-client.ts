/** A result of GraphQL. */
export interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

export async function query(
  url: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: text }),
  });
  return (await response.json()) as Answer;
}

export function bearer(credential: string | undefined): Readonly<Record<string, string>> {
  return credential === undefined ? {} : { authorization: `Bearer ${credential}` };
}

/** Apollo has codes for 401 and 403 in place of ours. */
export function codesOf({ errors }: Answer): unknown[] {
  return (errors ?? []).map(
    ({ extensions }) => (extensions?.['originalError'] as { code?: unknown })?.code ?? extensions?.['code'],
  );
}
