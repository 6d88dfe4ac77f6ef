import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { PublicError } from '../../platform/errors/public-error.js';
import type { SocketClient } from '../transports/handshake-request.js';
import { type RefusedMessage, sendException } from '../transports/socket-answers.js';

/**
 * Sends the code and the public message of an error to the client of a gateway or of a microservice, which Nest would send as
 * "Internal server error". The handler's own filters take precedence.
 */
@Catch(PublicError)
export class RefusedMessageFilter implements ExceptionFilter<PublicError> {
  catch(error: PublicError, host: ArgumentsHost): Observable<never> | void {
    const payload = refusedMessage(error);
    if (host.getType() === 'rpc') return throwError(() => payload);
    if (host.getType() !== 'ws') throw error;
    sendException(host.switchToWs().getClient<SocketClient>(), payload);
  }
}

/** Shows nothing of an error that was not raised for clients. */
export function refusedMessage(error: unknown): RefusedMessage {
  const isPublic = error instanceof PublicError;
  return {
    status: 'error',
    code: isPublic ? error.code : 'INTERNAL_ERROR',
    message: isPublic ? error.publicMessage : 'an unexpected error occurred',
  };
}
