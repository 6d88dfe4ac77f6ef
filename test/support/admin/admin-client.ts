import { expect } from '@jest/globals';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { soon } from '../load/soon.js';
import { ADMIN_KEY, type Answer, type Json, type TestApp } from '../test-app.js';

/** An operation has many steps, each of which is slow on a busy machine. */
const OPERATION_MS = 50_000;

export interface RequestOptions {
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An operator: calls an instance with the admin key. */
export class AdminClient {
  constructor(readonly app: TestApp) {}

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  /** @param path relative to `/admin/v1`, or an absolute one of `/admin/` or `/docs` */
  send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.app.call(absolute(path), { method, apiKey: ADMIN_KEY, ...options });
  }

  /** Waits until the operation has ended. @param location the `Location` header of the response that created it */
  async ended(location: string | null): Promise<Json> {
    let operation: Json;
    await soon(async () => {
      operation = (await this.get(location ?? '')).body;
      expect(['succeeded', 'failed', 'cancelled']).toContain(operation.status);
    }, OPERATION_MS);
    return operation;
  }

  /** Creates a tenant and waits until it is provisioned. */
  async create(slug: string, isolation: string): Promise<Json> {
    const created = await this.send('POST', '/tenants', { body: { slug, isolation } });
    expect(created.status).toBe(202);
    expect(await this.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    return (await this.get(`/tenants/${slug}`)).body;
  }

  async issueKey(slug: string): Promise<string> {
    return (await this.send('POST', `/tenants/${slug}/api-keys`)).body.token;
  }

  follow(path: string): Promise<Follower> {
    return Follower.of(this.app.url + absolute(path));
  }
}

/** A client that reads server-sent events. */
export class Follower {
  text = '';

  private constructor(
    private readonly call: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.on('data', (chunk: Buffer) => void (this.text += chunk.toString()));
    response.on('error', () => undefined); // `leave` destroys the connection
  }

  static async of(url: string): Promise<Follower> {
    const call = request(url, { headers: { authorization: `Bearer ${ADMIN_KEY}` }, agent: false });
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    call.on('error', () => undefined);
    return new Follower(call, response);
  }

  /** The events received so far. */
  get events(): readonly { readonly event: string; readonly id: string; readonly data: Json }[] {
    return this.text
      .split('\n\n')
      .map((block) => Object.fromEntries(block.trim().split('\n').map(fieldOf)))
      .filter(({ event }) => event !== undefined)
      .map(({ event, id, data }) => ({ event: event!, id: id!, data: JSON.parse(data!) }));
  }

  /** Resolves when the server has ended it. */
  async ended(): Promise<void> {
    if (!this.response.readableEnded) await once(this.response, 'end');
  }

  leave(): void {
    this.call.destroy();
  }
}

function absolute(path: string): string {
  return path.startsWith('/admin/') || path.startsWith('/docs') ? path : `/admin/v1${path}`;
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}
