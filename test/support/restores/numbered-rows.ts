import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { soon } from '../load/soon.js';
import { asSuperuser } from '../postgres/postgres.js';
import type { Answer, Json } from '../test-app.js';

/** What sends the requests of one caller. */
export type Sender = (path: string, call: { method: string; apiKey: string; body: object }) => Promise<Answer>;

/** Numbers of rows, from the first to the last. */
type Range = readonly [first: number, last: number];

/** Between two writes of a caller, so that operations have time meanwhile. */
const PAUSE_MS = 10;
const TABLES = ['customers', 'orders', 'order_lines'] as const;

/** A caller that writes numbered rows, one after the other: a number is written once the one before it is acknowledged. */
class Caller {
  acknowledged = 0;
  private writing: Promise<void> = Promise.resolve();
  private goesOn = false;

  constructor(
    readonly name: string,
    private readonly send: Sender,
    private readonly apiKey: string,
  ) {}

  start(): void {
    this.goesOn = true;
    this.writing = this.writeUntilStopped();
    this.writing.catch(() => undefined); // thrown by `stop`
  }

  /** @throws when a write has failed */
  async stop(): Promise<void> {
    this.goesOn = false;
    await this.writing;
  }

  private async writeUntilStopped(): Promise<void> {
    for (; this.goesOn; this.acknowledged += 1) {
      const name = `${this.name}-${this.acknowledged}`;
      const body = { name, email: `${name}@example.com` };
      const { status, text } = await this.send('/api/v1/customers', { method: 'POST', apiKey: this.apiKey, body });
      expect([status, text]).toEqual([201, expect.any(String)]);
      await delay(PAUSE_MS);
    }
  }
}

/** Rows of one tenant that are written all the time, so that it can be told which of them are at a place. */
export class NumberedRows {
  private readonly callers: readonly Caller[];

  constructor(senders: readonly Sender[], apiKey: string) {
    this.callers = senders.map((send, n) => new Caller(`c${n}`, send, apiKey));
  }

  start(): void {
    for (const caller of this.callers) caller.start();
  }

  /** @throws when a write has failed */
  async stop(): Promise<void> {
    await Promise.all(this.callers.map((caller) => caller.stop()));
  }

  /** How many rows of each caller were acknowledged. */
  get acknowledged(): readonly number[] {
    return this.callers.map((caller) => caller.acknowledged);
  }

  /** Waits until each caller has written some rows more. */
  async more(): Promise<void> {
    const before = this.acknowledged;
    await soon(async () => {
      for (const [n, acknowledged] of this.acknowledged.entries()) expect(acknowledged).toBeGreaterThan(before[n]! + 3);
    });
  }

  /** Which rows of each caller are at the tenant's place, in order. */
  async stored({ id, database, schema }: Json): Promise<Range[][]> {
    const rows = await asSuperuser<{ name: string }>(
      database,
      `SELECT name FROM "${schema}".customers WHERE tenant_id = $1`,
      [id],
    );
    return this.callers.map((caller) => {
      const own = rows.map(({ name }) => name.split('-')).filter(([name]) => name === caller.name);
      return rangesOf(own.map(([, number]) => Number(number)).toSorted((a, b) => a - b));
    });
  }
}

function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** A hash of the tenant's rows at its place. @param until only rows of the callers below these numbers */
export async function hashAt(
  { id, database, schema }: Json,
  until: readonly number[],
): Promise<Record<string, string>> {
  const early = until.map((number, n) => `name LIKE 'c${n}-%' AND split_part(name, '-', 2)::int < ${number}`);
  const hashes = TABLES.map(async (table) => {
    const condition = table === 'customers' ? `AND (${["name NOT LIKE 'c%-%'", ...early].join(' OR ')})` : '';
    const [row] = await asSuperuser<{ hash: string }>(
      database,
      `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text COLLATE "C"), '')) AS hash
       FROM "${schema}".${table} t WHERE tenant_id = $1 ${condition}`,
      [id],
    );
    return [table, row!.hash] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}
