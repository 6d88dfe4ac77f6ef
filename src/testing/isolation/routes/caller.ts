import type { RouteRequest } from './route-request.js';

/** What a route has answered: everything in which another tenant's data may stand. */
export interface RouteAnswer {
  /** 0: it did not answer. */
  readonly status: number;
  readonly text: string;
}

/** Sends requests with one tenant's credential, or with none. */
export class Caller {
  constructor(
    private readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
    private readonly timeoutMs: number,
  ) {}

  /** A stream is read until it ends or the time is over. */
  async send({ method, path, body, headers: asked }: RouteRequest): Promise<RouteAnswer> {
    const type = body && { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(this.timeoutMs);
    const init = { method, signal, redirect: 'manual' as const, headers: { ...asked, ...this.headers, ...type } };
    try {
      const response = await fetch(this.url + path, body ? { ...init, body: JSON.stringify(body) } : init);
      const headers = [...response.headers].map((header) => header.join(': ')).join('\n');
      return { status: response.status, text: `${headers}\n${await readText(response)}` };
    } catch {
      return { status: 0, text: '' };
    }
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    if (body) for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  } catch {
    // What was read until the time was over, or the connection broke, is searched.
  }
  return Buffer.concat(chunks).toString('utf8');
}
