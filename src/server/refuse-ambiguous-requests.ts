import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { problem } from '../http/problems/problem.js';
import { sendProblem } from '../http/problems/problem.filter.js';

/**
 * Options of Node's HTTP server that leave the decision here: the second of two headers stays visible, where the first one would
 * silently win, and a request without `Host` gets an answer with problem details.
 */
export const KEEP_AMBIGUITIES = { joinDuplicateHeaders: true, requireHostHeader: false };

/** Headers that decide who a caller is. Two of them could be read differently here and by a proxy in front. */
const DECISIVE = new Set(['authorization', 'host']);

/**
 * Refuses requests that say twice, or not at all, who they are or where they go, before anything else of them is read.
 * Source: RFC 9112 §3.2 (two `Host` headers, or none, are 400) and §3.2.2 (a target in absolute form names the host, too).
 */
export function refuseAmbiguousRequests(server: FastifyInstance): void {
  server.addHook('onRequest', ({ raw }, reply, done) => {
    const what = ambiguityOf(raw);
    if (what === undefined) return done();
    const error = new Error(what);
    sendProblem(reply, error, problem('BAD_REQUEST', what));
  });
}

function ambiguityOf(raw: IncomingMessage): string | undefined {
  const { host, authorization } = raw.headers;
  if (host === undefined && raw.httpVersion !== '1.0') return 'the header host is missing';
  // Joined headers have a comma, so that the raw ones are counted only where there may be two.
  if (host?.includes(',') || authorization?.includes(',')) {
    const twice = duplicateOf(raw.rawHeaders);
    if (twice !== undefined) return `the header ${twice} is there more than once`;
  }
  if (raw.url?.startsWith('/') || raw.url === '*') return undefined;
  return authorityOf(raw.url) === host?.toLowerCase() ? undefined : 'the request target and the Host header differ';
}

function duplicateOf(rawHeaders: readonly string[]): string | undefined {
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  return names.find((name, index) => DECISIVE.has(name) && names.indexOf(name) !== index);
}

/** The host and port of a target in absolute form; undefined for anything else. */
function authorityOf(target: string | undefined): string | undefined {
  return /^https?:\/\/([^/?#]*)/i.exec(target ?? '')?.[1]?.toLowerCase();
}
