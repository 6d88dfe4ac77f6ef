import { newApiKey } from '../../../src/catalog/model/api-key.js';
import { pick, seededRandom } from '../statements/seeded-random.js';

/** A request that must be refused. */
export interface HostileRequest {
  readonly kind: string;
  readonly data: string;
  /** Whether a further request may follow it on the connection. */
  readonly isComplete: boolean;
  /** Not HTTP: closing the connection is an answer. */
  readonly isBroken?: boolean;
  readonly isHead?: boolean;
}

type Random = () => number;

/** What a request is built of; the defaults are those of a valid one. */
interface Parts {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly credential?: string;
  readonly headers?: readonly string[];
  /** With a `Content-Length`, unless `headers` say how long it is. */
  readonly body?: string;
}

const ROUTES = [
  ...['/api/v1/customers', '/api/v1/orders', '/api/v1/tenant', '/admin/v1/tenants', '/admin/v1/operations', '/metrics'],
  ...[
    '/t/acme/api/v1/orders',
    '/admin/v1/servers',
    '/admin/v1/audit',
    '/api/v1/orders/0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11',
  ],
];
const POSTED = '/api/v1/customers';
const JSON_TYPE = 'Content-Type: application/json';
const CHUNKED = 'Transfer-Encoding: chunked';

/** Seeded hostile requests to an instance, by a caller who has the key of one tenant. */
export class HostileRequests {
  private readonly random: Random;

  constructor(
    seed: number,
    private readonly key: string,
  ) {
    this.random = seededRandom(seed);
  }

  next(): HostileRequest {
    const roll = this.random();
    if (roll < 0.01) return this.neverEnding();
    if (roll < 0.05) return this.pipelined();
    return this.one();
  }

  private one(): HostileRequest {
    const make = pick(this.random, [
      ...[this.withoutCredential, this.wrongCredential, this.deepJson, this.wrongJson, this.wrongType, this.tooLong],
      ...[
        this.otherTenant,
        this.ambiguous,
        this.wrongTarget,
        this.wrongMethod,
        this.wrongQuery,
        this.bigHeaders,
        this.notHttp,
      ],
    ]);
    return make.call(this);
  }

  private withoutCredential(): HostileRequest {
    const headers = this.random() < 0.2 ? ['Expect: 100-continue'] : [];
    return this.request('no credential', {
      method: 'POST',
      credential: '',
      target: this.route(),
      headers,
      body: this.anyBody(),
    });
  }

  private wrongCredential(): HostileRequest {
    const token = pick(this.random, [
      () => newApiKey().token,
      () => `${this.key.slice(0, -1)}_`,
      () => this.key.slice(0, Math.floor(this.random() * this.key.length)),
      () => this.noise(40),
      () => `${this.noise(20)}.${this.noise(20)}.${this.noise(20)}`,
      () => `${base64('{"alg":"none"}')}.${base64('{"tenant":"acme","exp":9999999999}')}.`,
      () => 'a'.repeat(9_000),
    ])();
    const scheme = pick(this.random, ['Bearer', 'Bearer', 'Basic', 'Digest', '', 'bearer  ']);
    const body = this.random() < 0.5 ? this.anyBody() : undefined;
    const parts = { target: this.route(), credential: `Authorization: ${scheme} ${token}` };
    return this.request('wrong credential', body === undefined ? parts : { ...parts, method: 'POST', body });
  }

  private deepJson(): HostileRequest {
    const depth = pick(this.random, [33, 100, 5_000, 200_000, 1_000_000]);
    const open = pick(this.random, ['[', '{"a":', '[[', '{"a":[']);
    return this.posted('deep JSON', open.repeat(depth).slice(0, 1_000_000));
  }

  private wrongJson(): HostileRequest {
    const body = pick(this.random, [
      () => this.noise(200),
      () => '{"name":',
      () => `{"name":"${this.noise(30)}","email":"x","extra":${this.random()}}`,
      () => '{"__proto__":{"a":1},"name":"x","email":"x@example.com"}',
      () => `[${'{},'.repeat(50_000)}{}]`,
      () => `{${Array.from({ length: 20_000 }, (_, n) => `"f${n}":1`).join(',')}}`,
      () => `{"name":"${'x'.repeat(900_000)}","email":"x@example.com"}`,
      () => '1'.repeat(900_000),
      () => '\0',
    ])();
    return this.posted('wrong JSON', body);
  }

  private wrongType(): HostileRequest {
    const type = pick(this.random, [
      'text/xml',
      'multipart/form-data; boundary=x',
      'application/json/x',
      '',
      ';',
      'image/png',
      'text/plain',
    ]);
    const headers = [`Content-Type: ${type}`, ...(this.random() < 0.5 ? ['Content-Encoding: gzip'] : [])];
    return this.request('wrong type', { method: 'POST', target: POSTED, headers, body: this.noise(300) });
  }

  private tooLong(): HostileRequest {
    const length = 1_048_577 + Math.floor(this.random() * 1e12);
    const headers = [JSON_TYPE, `Content-Length: ${length}`];
    return { ...this.request('too long', { method: 'POST', target: POSTED, headers }), isComplete: false };
  }

  private otherTenant(): HostileRequest {
    const name = pick(this.random, ['umbrella', 'nobody', '', '*', this.noise(20)]);
    return pick(this.random, [
      () => this.request('other tenant', { headers: [`X-Tenant-ID: ${name}`] }),
      () => this.request('other tenant', { target: `/t/${encodeURIComponent(name)}/api/v1/tenant` }),
      () => this.request('other tenant', { host: 'shop.umbrella.example' }),
      () =>
        this.request('other tenant', {
          target: pick(this.random, ['/admin/v1/tenants', '/admin/v1/audit', '/metrics']),
        }),
    ])();
  }

  private ambiguous(): HostileRequest {
    return pick(this.random, [
      () => this.request('ambiguous', { headers: ['Host: umbrella.example.com'] }),
      () => this.request('ambiguous', { headers: [`Authorization: Bearer ${newApiKey().token}`] }),
      () => this.request('ambiguous', { target: 'http://umbrella.example.com/api/v1/tenant' }),
      () => this.request('ambiguous', { target: 'api/v1/tenant' }),
    ])();
  }

  private wrongTarget(): HostileRequest {
    const target = pick(this.random, [
      ...[
        '/%ff',
        '/api/v1/orders/%ff',
        '/api/v1/orders/%00',
        '/../../etc/passwd',
        '//',
        '/api//v1',

        '/t/%ff/api/v1/tenant',
      ],
      ...['/api/v1/orders/1%27%20OR%201=1', `/${'a'.repeat(10_000)}`, `/api/v1/orders/${'a'.repeat(5_000)}`],
      `/api/v1/${encodeURIComponent(this.noise(20))}`,
    ]);
    return this.request('wrong target', { target });
  }

  private wrongMethod(): HostileRequest {
    const method = pick(this.random, [
      'PUT',
      'PATCH',
      'DELETE',
      'TRACE',
      'OPTIONS',
      'PROPFIND',
      'QUERY',
      'SEARCH',
      'HEAD',
      'BREW',
      'get',
    ]);
    const target = method === 'HEAD' ? '/api/v1/nothing' : '/api/v1/tenant';
    const isUnknown = method === 'BREW' || method === 'get';
    return { ...this.request('wrong method', { method, target }), isHead: method === 'HEAD', isBroken: isUnknown };
  }

  private wrongQuery(): HostileRequest {
    const value = encodeURIComponent(this.noise(30));
    const query = pick(this.random, [
      `limit=-${value}`,
      `cursor=x${value}`,
      `x=${value}`,
      'limit=1&limit=2',
      `limit[]=1`,
      '__proto__=1',
      'limit=1e3',
    ]);
    return this.request('wrong query', { target: `/api/v1/orders?${query}` });
  }

  private bigHeaders(): HostileRequest {
    const headers =
      this.random() < 0.5
        ? [`X-Big: ${'x'.repeat(20_000)}`]
        : Array.from({ length: 1_500 }, (_, n) => `X-Header-${n}: 1`);
    return { ...this.request('big headers', { headers, credential: '' }), isComplete: false };
  }

  private notHttp(): HostileRequest {
    const start = `POST ${POSTED} HTTP/1.1\r\nHost: x\r\n`;
    const data = pick(this.random, [
      () => `${this.noise(100)}\r\n\r\n`,
      () => `GET /api/v1/tenant HTTP/3.0\r\nHost: x\r\n\r\n`,
      () => `GET /api/v1/tenant HTTP/1.1\r\n\r\n`,
      () => `GET /api/v1/tenant HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n`,
      () => `GET /api/v1/tenant HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n`,
      () => `GET /api/v1/tenant HTTP/1.1\nHost: x\n\n`,
      () => `${start}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      () => `${start}Content-Length: -1\r\n\r\n`,
      () => `${start}Content-Length: 5\r\n${CHUNKED}\r\n\r\n0\r\n\r\n`,
      () => `${start}Authorization: Bearer ${this.key}\r\n${JSON_TYPE}\r\n${CHUNKED}\r\n\r\nzz\r\n{}\r\n`,
      () => `${start}Transfer-Encoding: gzip, ${this.noise(5).replaceAll(/\W/g, '')}\r\n\r\n`,
      () => `CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n`,
      () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    ])();
    return { kind: 'not HTTP', data, isComplete: false, isBroken: true };
  }

  /** Refused before its body with a wrong credential, at the deadline with the tenant's. */
  private neverEnding(): HostileRequest {
    const [announced, part] = pick(this.random, [
      ['Content-Length: 100000', '{"name":'],
      [CHUNKED, '8\r\n{"name":\r\n'],
      [CHUNKED, 'ffff\r\n{'],
    ] as const);
    const request = this.request('never ending', { method: 'POST', target: POSTED, headers: [JSON_TYPE, announced] });
    return { ...request, data: request.data + part, isComplete: false };
  }

  private pipelined(): HostileRequest {
    const requests = Array.from({ length: 2 + Math.floor(this.random() * 4) }, () => this.one());
    const sent = requests.filter(({ isComplete, isHead }) => isComplete && isHead !== true);
    return sent.length === 0
      ? this.one()
      : { kind: 'pipelined', data: sent.map(({ data }) => data).join(''), isComplete: true };
  }

  private posted(kind: string, body: string): HostileRequest {
    return this.request(kind, { method: 'POST', target: POSTED, headers: [JSON_TYPE], body });
  }

  private request(kind: string, parts: Parts): HostileRequest {
    const { method = 'GET', target = '/api/v1/tenant', host = 'localhost', headers = [], body } = parts;
    const credential = parts.credential ?? `Authorization: Bearer ${this.key}`;
    const lines = [
      `${method} ${target} HTTP/1.1`,
      `Host: ${host}`,
      ...(credential === '' ? [] : [credential]),
      ...headers,
    ];
    if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
    return { kind, data: `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, isComplete: true };
  }

  private route(): string {
    return pick(this.random, ROUTES);
  }

  private anyBody(): string {
    return pick(this.random, [
      '{}',
      '[',
      '['.repeat(100_000),
      'x'.repeat(1 + Math.floor(this.random() * 500_000)),
      this.noise(50),
    ]);
  }

  /** Printable characters that may stand in a header. */
  private noise(length: number): string {
    return Array.from({ length }, () => String.fromCharCode(33 + Math.floor(this.random() * 94))).join('');
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64url');
}
