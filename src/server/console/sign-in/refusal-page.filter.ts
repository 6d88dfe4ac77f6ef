import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SignInError } from '../../../admin/operators/sign-in.errors.js';

/** A page without script, style or form: a link, and texts of this application alone. */
const POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Answers a failed sign-in with a page for the person, who has come here by the provider's redirect. */
@Catch(SignInError)
export class RefusalPageFilter implements ExceptionFilter {
  catch({ status, code, message, retryAfterSeconds }: SignInError, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    void reply
      .status(status)
      .header('content-security-policy', POLICY)
      .header('x-content-type-options', 'nosniff')
      .type('text/html; charset=utf-8')
      .send(page(code, message, reply.request.id));
  }
}

/** The request's id has no characters that mean something in HTML: others are not accepted. */
function page(code: string, message: string, requestId: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Sign-in failed</title>
    <link rel="icon" href="data:," />
  </head>
  <body>
    <main>
      <h1>Sign-in failed</h1>
      <p>${message}</p>
      <p><a href="/console">Back to the console</a></p>
      <p><small>${code}, request ${requestId}</small></p>
    </main>
  </body>
</html>
`;
}
