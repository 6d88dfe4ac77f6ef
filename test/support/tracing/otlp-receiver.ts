import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
  /** 0 unset, 2 error. */
  readonly status: number;
}

/** An OTLP collector for tests: receives protobuf over HTTP and records the spans. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** All bodies as text, to search for secrets. */
  said = '';
  readonly url: string;

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => {
      void buffer(request).then((body) => {
        if (request.url === '/v1/traces') receiver.take(unpacked(body, request.headers['content-encoding']));
        response.writeHead(request.url === '/v1/traces' ? 200 : 404).end();
      });
    });
    return receiver;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private take(body: Buffer): void {
    this.said += body.toString('latin1');
    this.spans.push(...readSpans(body));
  }
}

/**
 * Field numbers: https://github.com/open-telemetry/opentelemetry-proto, trace.proto, resource.proto and common.proto.
 */
function readSpans(body: Buffer): ReceivedSpan[] {
  return parts(body, 1).flatMap((resourceSpans) => {
    const resource = parts(resourceSpans, 1).map((part) => readAttributes(parts(part, 1)))[0] ?? {};
    return parts(resourceSpans, 2).flatMap((scope) => parts(scope, 2).map((span) => readSpan(span, resource)));
  });
}

function readSpan(span: Buffer, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    traceId: parts(span, 1)[0]?.toString('hex') ?? '',
    spanId: parts(span, 2)[0]?.toString('hex') ?? '',
    parentId: parts(span, 4)[0]?.toString('hex') ?? '',
    name: parts(span, 5)[0]?.toString() ?? '',
    kind: numbers(span, 6)[0] ?? 0,
    attributes: readAttributes(parts(span, 9)),
    resource,
    status: parts(span, 15).flatMap((status) => numbers(status, 3))[0] ?? 0,
  };
}

function readAttributes(pairs: Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const value = parts(pair, 2)[0] ?? Buffer.alloc(0);
      return [parts(pair, 1)[0]?.toString() ?? '', parts(value, 1)[0]?.toString() ?? numbers(value, 3)[0] ?? NaN];
    }),
  );
}

function parts(message: Buffer, field: number): Buffer[] {
  return fields(message).flatMap((found) => (found.field === field && Buffer.isBuffer(found.value) ? found.value : []));
}

function numbers(message: Buffer, field: number): number[] {
  return fields(message).flatMap((found) =>
    found.field === field && typeof found.value === 'number' ? found.value : [],
  );
}

/** https://protobuf.dev/programming-guides/encoding/, as far as OTLP uses it. */
function fields(message: Buffer): { readonly field: number; readonly value: number | Buffer }[] {
  const found: { field: number; value: number | Buffer }[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number): Buffer => message.subarray(at, (at += length));
  const read = [varint, () => bytes(8), () => bytes(varint()), undefined, undefined, () => bytes(4)];
  while (at < message.length) {
    const tag = varint();
    const value = read[tag & 7]?.();
    if (value === undefined) throw new Error(`no such wire type: ${tag & 7}`);
    found.push({ field: tag >> 3, value });
  }
  return found;
}

function unpacked(body: Buffer, encoding: string | undefined): Buffer {
  return encoding === 'gzip' ? gunzipSync(body) : body;
}
