import type { Socket } from 'node:net';
import { problem, type Problem } from './problem.js';

/** Closing a socket with unread input would reset it before the client has read the response. */
const LINGER_MS = 500;

const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: problem('HEADERS_TOO_LARGE', 'the request headers are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: problem('REQUEST_TIMEOUT', 'the request took too long to arrive'),
};
const NOT_HTTP = problem('BAD_REQUEST', 'the request is not valid HTTP');

/** Fastify's `clientErrorHandler`: responds to input that Node's HTTP parser rejects, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const response = PROBLEMS[error.code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify(response);
  socket.end(
    [
      `HTTP/1.1 ${response.status} ${response.title}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
