import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a request itself and returns true, or leaves it to the server behind. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** An HTTP server in front of a store, or in place of one, that fails as it is told. */
export class FaultyHttp {
  /** `GET /bucket/key?query` of the requests so far. */
  readonly requests: string[] = [];
  fault: Fault = () => false;

  private constructor(
    private readonly server: Server,
    private readonly upstream: () => number | undefined,
  ) {}

  /** @param upstream the port of the server behind */
  static async start(upstream: () => number | undefined = () => undefined): Promise<FaultyHttp> {
    const server = createServer({ requestTimeout: 0 });
    const proxy = new FaultyHttp(server, upstream);
    server.on('request', (incoming, response) => proxy.handle(incoming, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private handle(incoming: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${incoming.method} ${incoming.url}`);
    if (this.fault(incoming, response)) return;
    const port = this.upstream();
    if (port === undefined) {
      response.writeHead(500).end();
      return;
    }
    const { method, url, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  }
}

/** An answer as S3 writes it. */
export function answerXml(response: ServerResponse, status: number, code: string, message = 'of the test'): true {
  response.writeHead(status, { 'Content-Type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  return true;
}
