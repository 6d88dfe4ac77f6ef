import type { FastifyInstance } from 'fastify';
import { closeUnread, isBodyPending, stopReading } from '../http/requests/unread-body.js';

/**
 * Closes the connection after an answer that was given before the body had arrived. Node would read the rest of the body to
 * keep the connection, at the sender's pace and without a bound.
 */
export function closeAfterUnreadBody(server: FastifyInstance): void {
  server.addHook('onSend', ({ raw }, reply, _payload, done) => {
    if (isBodyPending(raw)) {
      void reply.header('connection', 'close');
      stopReading(raw);
      // What Node closes a connection with after its last answer.
      raw.socket.destroySoon = () => closeUnread(raw.socket);
    }
    done();
  });
}
