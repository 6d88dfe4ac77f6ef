import { HttpException } from '@nestjs/common';
import { CODED_ERROR, type CodedErrorOptions, isCodedError, isOfClass } from './coded-error.js';
import { type PublicCode, STATUS_OF_PUBLIC_CODE } from './public-codes.js';

/** What the response contains in addition to the code and the message. */
interface PublicErrorOptions extends CodedErrorOptions {
  readonly details?: object;
}

/**
 * Base class of the errors that a client can act upon: a `CodedError` that is an HTTP exception as well, so that an
 * application without the `ProblemFilter` responds with its status, code and public message. Nest does not log HTTP
 * exceptions, so failures of the server are none.
 */
export abstract class PublicError extends HttpException {
  readonly retryAfterSeconds?: number;
  readonly publicMessage: string;

  constructor(
    readonly code: PublicCode,
    message: string,
    { cause, retryAfterSeconds, publicMessage = message, details }: PublicErrorOptions = {},
  ) {
    const statusCode = STATUS_OF_PUBLIC_CODE[code];
    super({ statusCode, code, message: publicMessage, ...details }, statusCode, { cause });
    this.name = new.target.name;
    this.message = message;
    Error.captureStackTrace(this, new.target); // Nest sets the message too late for the first line of the stack
    this.publicMessage = publicMessage;
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
  }

  /** What a GraphQL server sends with the error. Source: GraphQL specification, §7.1.2. */
  get extensions(): { readonly code: PublicCode } {
    return { code: this.code };
  }

  /** @internal */
  get [CODED_ERROR](): true {
    return true;
  }

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCodedError(value) && isOfClass(value, this);
  }
}
