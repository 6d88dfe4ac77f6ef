import { FROM_CONSOLE, signOut, storedKey } from '../app/session.js';

const REQUEST_MS = 60_000;

/** What the API answered instead of success. */
class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * Calls a route below `/admin/v1` with the operator's key, or the session's cookie. A 401 leads back to the sign-in.
 *
 * @throws {ApiProblem}
 */
export async function call<T>(path: string, { method = 'GET', body, signal }: Request = {}): Promise<T> {
  const deadline = AbortSignal.timeout(REQUEST_MS);
  const response = await request(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': newIdempotencyKey() }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  });
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/**
 * The response, once its status says success.
 *
 * @throws {ApiProblem}
 */
export async function request(path: string, options: RequestInit): Promise<Response> {
  const key = storedKey();
  const credential = key === '' ? FROM_CONSOLE : { authorization: `Bearer ${key}` };
  const headers = { ...(options.headers as Record<string, string>), ...credential };
  const credentials = key === '' ? 'same-origin' : 'omit';
  const response = await fetch(`/admin/v1/${path}`, { ...options, headers, cache: 'no-store', credentials });
  if (response.ok) return response;
  if (response.status === 401) signOut(key === '' ? 'The session has ended.' : 'The key was refused. Sign in again.');
  throw await problemOf(response);
}

/** Saves what a route answers as a file. Its content is in memory until then. */
export async function download(path: string, name: string): Promise<void> {
  const url = URL.createObjectURL(await (await request(path, {})).blob());
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}

/** Not `crypto.randomUUID`, which a page has over TLS and on localhost only. */
function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Record<string, unknown>>;
  const errors = Array.isArray(body['errors']) ? body['errors'].map(describeError) : [];
  const detail = typeof body['detail'] === 'string' ? body['detail'] : `the server answered ${response.status}`;
  return new ApiProblem(
    response.status,
    typeof body['code'] === 'string' ? body['code'] : 'UNKNOWN',
    [detail, ...errors].join('. '),
  );
}

function describeError(error: unknown): string {
  const { field, message } = (error ?? {}) as { field?: unknown; message?: unknown };
  return [field, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
}

/** `?a=1&b=2` of what is set; empty without any. */
export function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return set.length === 0
    ? ''
    : `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString()}`;
}

/** A part of a path, whatever it contains. */
export const part = encodeURIComponent;
