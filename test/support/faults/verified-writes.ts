import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { callOnce, type KeptAnswer } from '../processes/keep-alive.js';
import type { Json } from '../test-app.js';

const CUSTOMERS = '/api/v1/customers';
const PAGE = 100;
/** An instance that is frozen or gone never answers. */
const ANSWER_WITHIN_MS = 15_000;
/** Between two requests of one writer: enough load to meet every fault, and no more. */
const PAUSE_MS = 20;

/** What is wrong with the rows of one tenant. */
export interface Differences {
  readonly lost: string[];
  readonly twice: string[];
  readonly foreign: string[];
}

/**
 * Writers and readers of one tenant, through instances that may fail. Every row carries a token that is sent once, so
 * that each acknowledged one can be looked up afterwards, and one of another tenant be recognised.
 */
export class VerifiedWrites {
  readonly acknowledged: string[] = [];
  /** When each of them was, in ms of `performance.now()`. */
  readonly acknowledgedAt: number[] = [];
  /** When an answer was an error, or there was none. */
  readonly failedAt: number[] = [];
  /** Rows of other tenants that a read returned. */
  readonly foreignReads: string[] = [];
  /** Answers by status and code; `none` when there was none. */
  readonly answers: Record<string, number> = {};
  private stopped = false;
  private writer: Promise<void> | undefined;

  /** @param urls the instances that can be called at the moment */
  constructor(
    readonly slug: string,
    private readonly apiKey: string,
    private readonly urls: () => readonly string[],
  ) {}

  start(): void {
    this.writer = this.writeUntilStopped();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.writer;
  }

  /** One write and one read. @throws unless both are answered well */
  async check(url: string): Promise<void> {
    for (const answer of [await this.write(url), await this.read(url)]) {
      if (answer.status >= 300) throw new Error(`${this.slug}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  /** Reads every row. Nothing may be written meanwhile. */
  async differences(url: string): Promise<Differences> {
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Json = (await this.call(url, `${CUSTOMERS}?limit=${PAGE}${cursor && `&cursor=${cursor}`}`)).body;
      names.push(...page.items.map(({ name }: Json) => name));
      cursor = page.nextCursor;
    }
    const stored = new Set(names);
    return {
      lost: this.acknowledged.filter((name) => !stored.has(name)),
      twice: names.filter((name, n) => names.indexOf(name) !== n),
      foreign: names.filter((name) => !this.isOwn(name)).concat(this.foreignReads),
    };
  }

  private async writeUntilStopped(): Promise<void> {
    for (let n = 0; !this.stopped; n += 1) {
      const urls = this.urls();
      const url = urls[n % urls.length];
      if (url !== undefined) await (n % 3 === 2 ? this.read(url) : this.write(url)).catch(() => undefined);
      await delay(PAUSE_MS);
    }
  }

  private async write(url: string): Promise<KeptAnswer> {
    const name = `${this.slug}:${randomUUID()}`;
    const answer = await this.call(url, CUSTOMERS, { name, email: `${randomUUID()}@example.com` });
    if (answer.status === 201) {
      this.acknowledged.push(name);
      this.acknowledgedAt.push(performance.now());
    }
    return answer;
  }

  private async read(url: string): Promise<KeptAnswer> {
    const answer = await this.call(url, `${CUSTOMERS}?limit=${PAGE}`);
    const names: string[] = (answer.body?.items ?? []).map(({ name }: Json) => name);
    this.foreignReads.push(...names.filter((name) => !this.isOwn(name)));
    return answer;
  }

  private isOwn(name: string): boolean {
    return name.startsWith(`${this.slug}:`);
  }

  private async call(url: string, path: string, body?: object): Promise<KeptAnswer> {
    const call = { apiKey: this.apiKey, ...(body && { method: 'POST', body }) };
    try {
      const answer = await callOnce(url, path, { ...call, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      if (answer.status >= 300) this.failedAt.push(performance.now());
      this.count(answer.status < 300 ? String(answer.status) : `${answer.status} ${answer.body?.code}`);
      return answer;
    } catch (error) {
      this.failedAt.push(performance.now());
      this.count('none');
      throw error;
    }
  }

  private count(answer: string): void {
    this.answers[answer] = (this.answers[answer] ?? 0) + 1;
  }
}
