import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

const ATTEMPTS = 20;
const PAUSE_MS = 25;
const CONNECTIONS = 10;

export interface LoadRequest {
  readonly path: string;
  readonly method?: string;
  readonly apiKey: string;
  readonly body?: object;
}

/**
 * A load balancer in front of several instances: calls them in turn over keep-alive connections. It tries the next one
 * when an instance returns 503 (and returns to it after `Retry-After`), refuses the connection, or breaks a connection
 * that had worked before. When a new connection breaks, only idempotent requests are repeated (RFC 9110 §9.2.2).
 */
export class RetryingClient {
  readonly retries = new Map<string, number>();
  readonly lost: string[] = [];
  answered = 0;
  private readonly agents: readonly Agent[];
  private readonly restingUntil: number[];
  private turn = 0;

  constructor(private readonly urls: readonly string[]) {
    this.agents = urls.map(() => new Agent({ keepAlive: true, maxSockets: CONNECTIONS }));
    this.restingUntil = urls.map(() => 0);
  }

  async call(load: LoadRequest): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const outcome = await this.attempt(load, this.next());
      if (outcome === 'answered') {
        this.answered += 1;
        return;
      }
      if (outcome.startsWith('!'))
        return void this.lost.push(`${load.method ?? 'GET'} ${load.path}: ${outcome.slice(1)}`);
      this.retries.set(outcome, (this.retries.get(outcome) ?? 0) + 1);
      await delay(PAUSE_MS);
    }
    this.lost.push(`${load.method ?? 'GET'} ${load.path}: no attempt was answered`);
  }

  close(): void {
    for (const agent of this.agents) agent.destroy();
  }

  private next(): number {
    const now = performance.now();
    for (let skipped = 0; skipped < this.urls.length; skipped += 1) {
      const index = (this.turn += 1) % this.urls.length;
      if ((this.restingUntil[index] ?? 0) <= now) return index;
    }
    return (this.turn += 1) % this.urls.length;
  }

  private rest(index: number, { headers }: IncomingMessage): void {
    this.restingUntil[index] = performance.now() + Number(headers['retry-after'] ?? 0) * 1000;
  }

  /** @returns `answered`, the reason why the request may be repeated, or after `!` the reason why it may not */
  private async attempt({ path, method = 'GET', apiKey, body }: LoadRequest, index: number): Promise<string> {
    const call = request(this.urls[index] + path, {
      agent: this.agents[index],
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(body && { 'content-type': 'application/json' }) },
    });
    call.end(body && JSON.stringify(body));
    try {
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      const content = await text(response);
      const { statusCode = 0 } = response;
      if (statusCode === 503) {
        this.rest(index, response);
        return (JSON.parse(content) as { code?: string }).code ?? '503';
      }
      return statusCode < 300 ? 'answered' : `!${statusCode} ${content}`;
    } catch (error) {
      const { code = 'no code' } = error as { code?: string };
      const mayRepeat = code === 'ECONNREFUSED' || call.reusedSocket || method === 'GET';
      return mayRepeat ? code : `!${code}`;
    }
  }
}
