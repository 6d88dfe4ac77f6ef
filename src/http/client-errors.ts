import type { Socket } from 'node:net';
import { problem, type Problem } from './problem.js';

/** For what still comes from the caller: closing with it unread would take the answer away with it. */
const LINGER_MS = 500;

const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: problem('HEADERS_TOO_LARGE', 'the headers of the request are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: problem('REQUEST_TIMEOUT', 'the request took too long to arrive'),
};
const NO_HTTP = problem('BAD_REQUEST', 'the request is not HTTP');

/** Fastify's `clientErrorHandler`: answers what Node refuses before it is a request, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = PROBLEMS[error.code ?? ''] ?? NO_HTTP;
  const body = JSON.stringify(answer);
  socket.end(
    [
      `HTTP/1.1 ${answer.status} ${answer.title}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
