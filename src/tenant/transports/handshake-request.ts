import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { processWide } from '../../platform/process-wide.js';

/** What is read of a client of socket.io or of `ws`. */
export interface SocketClient {
  /** Of `ws`: the connection's state. */
  readonly readyState?: number;
  /** Of socket.io. */
  readonly handshake?: { readonly auth?: { readonly token?: unknown } };
  /** Of socket.io: the request that opened the connection. */
  readonly request?: IncomingMessage;
  emit(event: string, payload: unknown): unknown;
  /** Of `ws`. */
  send?(text: string): void;
  close?(code: number, reason: string): void;
  /** Of socket.io; true closes the connection under it. */
  disconnect?(close: boolean): void;
}

/** A handshake as a request, with the connection that it has opened. */
export interface HandshakeRequest extends HttpRequest {
  readonly client: object;
}

const requests = processWide('handshake-requests', () => new WeakMap<object, HandshakeRequest>());

/** Keeps the request that has opened a client's connection: `ws` passes it on once, and does not keep it. */
export function rememberHandshake(client: SocketClient, upgrade: IncomingMessage | undefined): void {
  const request = client.request ?? upgrade;
  if (request) requests.set(client, handshakeRequest(client, request, client.handshake?.auth?.token));
}

/** Undefined for a client whose handshake was not seen. */
export function handshakeOf(client: SocketClient): HandshakeRequest | undefined {
  if (!requests.has(client)) rememberHandshake(client, undefined);
  return requests.get(client);
}

/**
 * The request with the credential that a browser, which cannot set headers of a socket, has sent as `auth.token`, as a connection
 * parameter or as `?token=`. A header takes precedence.
 */
export function handshakeRequest(client: object, request: IncomingMessage, token: unknown): HandshakeRequest {
  const { authorization = bearer(token) ?? bearer(tokenInUrl(request.url)) } = request.headers;
  const headers = authorization === undefined ? request.headers : { ...request.headers, authorization };
  return Object.create(request, { headers: { value: headers }, client: { value: client } }) as HandshakeRequest;
}

function tokenInUrl(url = ''): string | null {
  const query = url.indexOf('?');
  return query < 0 ? null : new URLSearchParams(url.slice(query)).get('token');
}

function bearer(token: unknown): string | undefined {
  if (typeof token !== 'string' || token === '') return undefined;
  return /^Bearer /i.test(token) ? token : `Bearer ${token}`;
}
