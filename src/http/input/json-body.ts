import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { JsonTooDeepError } from '../problems/http.errors.js';

/** Levels of arrays and objects that a JSON body may have. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Parses JSON bodies as Fastify does, but takes an empty one for none, and after bounding their nesting: validating a deeply nested body blocks the event loop for
 * far longer than reading it.
 */
export function parseJsonBodies(adapter: FastifyAdapter, bodyLimitBytes: number): void {
  const parse = adapter.getInstance().getDefaultJsonParser('error', 'error');
  adapter.useBodyParser('application/json', false, { bodyLimit: bodyLimitBytes }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null); // clients send the type on requests without a body, too
    if (isTooDeep(body, MAX_DEPTH)) return done(new JsonTooDeepError(MAX_DEPTH));
    void parse(request, body as unknown as string, done);
  });
}

/** Whether arrays and objects are nested deeper than `maxDepth`. One pass over the bytes, which need not be valid JSON. */
export function isTooDeep(json: Buffer, maxDepth: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index]!;
    if (isInString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) isInString = true;
    else if (OPENING.has(byte) && (depth += 1) > maxDepth) return true;
    else if (CLOSING.has(byte)) depth -= 1;
  }
  return false;
}
