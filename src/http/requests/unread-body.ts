import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Closing a socket with unread input would reset it before the client has read the response. */
const LINGER_MS = 500;

/** Whether a body follows the head of the request. Source: RFC 9112 §6.3. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Whether a part of the body has not arrived yet. */
export function isBodyPending(request: IncomingMessage): boolean {
  return !request.complete && announcesBody(request);
}

/** Takes in no more of the body than is buffered already. */
export function stopReading(request: IncomingMessage): void {
  request.pause();
  request.read(0); // a body that was never read from would be read to its end by Node, after the response
}

/** Ends the socket once everything written is sent, and closes it a little later. */
export function closeUnread(socket: Socket): void {
  socket.end();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
