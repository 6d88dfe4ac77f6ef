import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problem, type Problem } from './problem.js';
import { closeUnread } from '../requests/unread-body.js';

const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: problem('HEADERS_TOO_LARGE', 'the request headers are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: problem('REQUEST_TIMEOUT', 'the request took too long to arrive'),
};
const NOT_HTTP = problem('BAD_REQUEST', 'the request is not valid HTTP');

/** Fastify's `clientErrorHandler`: responds to input that Node's HTTP parser rejects, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const response = PROBLEMS[error.code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify(response);
  socket.write(
    [
      `HTTP/1.1 ${response.status} ${response.title}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  closeUnread(socket);
}

/** Whether a response is being sent, which a second one would corrupt. Node has no public name for it. */
function isAnswering(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent ?? false;
}
