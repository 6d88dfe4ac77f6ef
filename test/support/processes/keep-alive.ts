import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Call, Json } from '../test-app.js';

export interface KeptCall extends Call {
  /** Ends the wait for an answer. */
  readonly signal?: AbortSignal;
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Json;
  /** Whether its connection had been used before. */
  readonly reused: boolean;
}

/** One keep-alive connection to a server, like a load balancer's. */
export class KeptConnection {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly url: string) {}

  async call(path: string, { method = 'GET', apiKey, headers = {}, body, signal }: KeptCall = {}): Promise<KeptAnswer> {
    const call = request(this.url + path, {
      agent: this.agent,
      method,
      ...(signal && { signal }),
      headers: {
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const content = await text(response);
    const isJson = response.headers['content-type']?.includes('json') === true;
    const parsed = isJson ? (JSON.parse(content) as Json) : undefined;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: parsed,
      reused: call.reusedSocket,
    };
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Calls over a connection of its own. */
export async function callOnce(url: string, path: string, call?: KeptCall): Promise<KeptAnswer> {
  const connection = new KeptConnection(url);
  try {
    return await connection.call(path, call);
  } finally {
    connection.close();
  }
}
