import { Controller, Get, Header, Inject, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { Public } from '../../tenant/access/access.decorators.js';
import { type ConsoleFile, ConsoleFiles } from './console-files.js';

/** Scripts, styles and requests of this origin only; no frame around the page, and no form that leaves it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The names of built files contain a hash of their content. */
const FOR_A_YEAR = 'public, max-age=31536000, immutable';

/** Serves the operators' console. The page itself holds no data: whatever it shows comes from the API, with the operator's key. */
@ApiExcludeController()
@Public()
@Controller('console')
export class ConsoleController {
  constructor(@Inject(ConsoleFiles) private readonly files: ConsoleFiles) {}

  @Get()
  @Header('content-security-policy', POLICY)
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  @Header('cross-origin-opener-policy', 'same-origin')
  page(@Res() reply: FastifyReply): void {
    this.send(reply, this.files.get('index.html'), 'no-cache');
  }

  @Get('assets/:name')
  @Header('content-security-policy', POLICY)
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  asset(@Param('name') name: string, @Res() reply: FastifyReply): void {
    this.send(reply, name === 'index.html' ? undefined : this.files.get(name), FOR_A_YEAR);
  }

  private send(reply: FastifyReply, file: ConsoleFile | undefined, caching: string): void {
    if (!file) throw new NotFoundError('page');
    void reply.header('cache-control', caching).header('etag', file.etag);
    if (reply.request.headers['if-none-match'] === file.etag) void reply.status(304).send();
    else void reply.type(file.type).send(file.content);
  }
}
