import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostileRequest, HostileRequests } from './hostile-requests.js';

/** No answer within this time is a hang. */
const PATIENCE_MS = 20_000;

/** Outcomes of hostile requests. */
export class Attack {
  /** Requests by kind and outcome: a status, or `closed`. */
  readonly outcomes = new Map<string, number>();
  /** What was not refused clearly, with the request. */
  readonly faults: string[] = [];

  private readonly neverEnding: Promise<void>[] = [];

  constructor(
    private readonly url: string,
    private readonly requests: HostileRequests,
  ) {}

  /**
   * Sends `count` requests, each over a connection of its own, at most `concurrency` at once and `perSecond` a second.
   * Requests that never end are not waited for: see `ended`.
   */
  async send(count: number, { concurrency = 20, perSecond = Number.POSITIVE_INFINITY } = {}): Promise<void> {
    const began = performance.now();
    let sent = 0;
    const sendSome = async (): Promise<void> => {
      while (sent < count) {
        sent += 1;
        const early = (sent / perSecond) * 1_000 - (performance.now() - began);
        if (early > 1) await delay(early);
        const answered = this.sendOne();
        if (answered) await answered;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, sendSome));
  }

  /** Resolves once the requests that never end are answered, too. */
  async ended(): Promise<void> {
    await Promise.all(this.neverEnding);
  }

  private sendOne(): Promise<void> | undefined {
    const request = this.requests.next();
    const answered = answersTo(this.url, request).then((answers) => this.judge(request, answers));
    if (request.kind !== 'never ending') return answered;
    this.neverEnding.push(answered);
    return undefined;
  }

  private judge({ kind, data, isBroken, isHead }: HostileRequest, { text, hangs }: Answers): void {
    const statuses = [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status));
    const outcome = hangs ? 'hangs' : statuses.join(' ') || 'closed';
    const label = `${kind}: ${kind === 'pipelined' ? 'refused' : outcome}`;
    this.outcomes.set(label, (this.outcomes.get(label) ?? 0) + 1);
    const isRefused = statuses.length > 0 && statuses.every((status) => status >= 400 && status < 500);
    const isClear = isHead === true || text.includes('"code":"');
    const isClosed = statuses.length === 0 && isBroken === true;
    if (hangs || !(isClosed || (isRefused && isClear)))
      this.faults.push(`${label}: ${JSON.stringify(data.slice(0, 300))}`);
  }
}

interface Answers {
  readonly text: string;
  readonly hangs: boolean;
}

/** Everything that the server sends until it has answered or closed the connection. */
function answersTo(url: string, { data, isHead }: HostileRequest): Promise<Answers> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let text = '';
    const end = (hangs: boolean): void => {
      clearTimeout(timer);
      socket.resetAndDestroy(); // keeps no port occupied
      resolve({ text, hangs });
    };
    const timer = setTimeout(() => end(true), PATIENCE_MS);
    socket.on('error', () => undefined);
    socket.on('close', () => end(false));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isWhole(text, isHead === true)) end(false);
    });
    socket.write(data, 'latin1');
  });
}

/** Whether the first final answer has arrived completely. */
function isWhole(text: string, isHead: boolean): boolean {
  const start = text.startsWith('HTTP/1.1 100') ? text.indexOf('\r\n\r\n') + 4 : 0;
  const end = text.indexOf('\r\n\r\n', start);
  if (end < 0) return false;
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(start, end))?.[1] ?? Number.NaN);
  return isHead || text.length >= end + 4 + (Number.isNaN(length) ? Number.POSITIVE_INFINITY : length);
}
