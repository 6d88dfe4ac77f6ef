import type pg from 'pg';
import { discardReason } from '../../../src/database/connection/connection-failure.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { internalsOf } from '../../../src/database/connection/pg-internals.js';
import { openTransactionReason, unreadStatementReason } from '../../../src/database/statements/readiness.js';
import { stampStatement } from '../../../src/database/statements/stamps/stamp.js';
import type { Statement } from '../../../src/database/statements/statement.js';
import { sendOnClient } from '../../../src/database/statements/client-flights.js';
import { runStamped } from '../../../src/database/statements/stamped-query.js';
import { Lease } from '../../../src/database/transactions/lease.js';
import { StampedClient } from '../../../src/database/transactions/stamped-client.js';
import { accessTo, TestPool } from '../pool/test-pool.js';
import { commandsOf, type HostileSql, mayDeny } from './hostile-sql/hostile-sql.js';
import type { Neighbours, State } from './neighbours.js';
import { ReceivedBytes } from './received-bytes.js';

/**
 * How an attack reaches the login role's connection, past the SQL guard: as statements of A, each on its own, or in one
 * transaction or session of A; or as one text over the simple protocol, under A's stamp or none.
 */
export const WAYS = ['session', 'statements', 'transaction', 'text', 'unstamped'] as const;
export type Way = (typeof WAYS)[number];

/** The ways in turn. An attack of several commands needs one connection, unless it is about what the next caller finds. */
export function wayAt(turn: number, attack: HostileSql, kind: string): Way {
  const way = WAYS[turn % WAYS.length] ?? 'session';
  return way === 'statements' && typeof attack !== 'string' && kind !== 'planted' ? 'session' : way;
}

/** What an attack achieved. */
export interface Finding {
  readonly attack: HostileSql;
  readonly way: Way;
  readonly what: string;
}

interface SessionOptions {
  readonly through?: ((target: ConnectionTarget) => ConnectionTarget) | undefined;
  /** Whether a pooler keeps open what our own connection left behind. Then B may be refused after any attack. */
  readonly isPooled?: boolean;
}

/** What `{leak}` computes. No statement contains it, and no plan: `concat` is not computed in advance. */
const LEAK = `concat('le', 'aked!')`;
const LEAKED = 'leaked!';
const MAX_ATTEMPTS = 5;
const OPTIONS = { size: 1, statementTimeoutMs: 5_000, timeoutMs: 10_000 };

const JOIN = `SELECT c.email, c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY c.email`;
const UPDATE = 'UPDATE customers SET version = version WHERE version = $1 RETURNING id';
const INSERT = 'INSERT INTO customers (email, name) VALUES ($1, $2) RETURNING tenant_id, version';
const DELETE = 'DELETE FROM customers WHERE email = $1 RETURNING name';

/** Everything in which something of B could be left for A. */
const LEFT = [
  `SELECT json_agg(p) FROM pg_prepared_statements p`,
  `SELECT json_agg(c) FROM pg_cursors c`,
  `SELECT json_agg(query) FROM pg_stat_activity`,
  `SELECT current_setting('app.tenant_proof', true)`,
  `SELECT json_agg(lo_get(oid)) FROM pg_largeobject_metadata`,
  `SELECT string_agg(query_to_xml(format('SELECT * FROM %s', oid::regclass), true, false, '')::text, '')
   FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'v')`,
  `SELECT json_agg(c) FROM customers c`,
  `SELECT json_agg(o) FROM orders o`,
];

/** Runs attacks of A on the one connection of a pool, and what B's application does after each of them. */
export class HostileSession {
  private pool: TestPool;
  private readonly received: ReceivedBytes;
  private state!: State;
  private answers!: string;

  private constructor(
    private readonly neighbours: Neighbours,
    private readonly options: SessionOptions,
  ) {
    this.pool = this.openPool();
    this.received = new ReceivedBytes([...neighbours.secrets, LEAKED]);
  }

  static async open(neighbours: Neighbours, options: SessionOptions = {}): Promise<HostileSession> {
    const session = new HostileSession(neighbours, options);
    // Until B's statements have names on the connection.
    for (let round = 0; round < 5; round += 1) {
      await session.clientOf('a').query(JOIN);
      session.answers = await session.answersOfB();
    }
    session.state = await neighbours.state();
    return session;
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  /** Lets the owner weaken the database, and takes that for its state before the attacks. */
  async weaken(text: string): Promise<void> {
    await this.neighbours.asOwner(text);
    this.state = await this.neighbours.state();
  }

  /** @returns what the attack achieved; nothing when it was held */
  async attack(attack: HostileSql, way: Way, kind = ''): Promise<Finding[]> {
    const found = await this.achievementsOf(attack, way, kind);
    return found.map((what) => ({ attack, way, what }));
  }

  /** What A is told in answer to a statement about the row with the id, which is left out. */
  async answerAbout(id: string, text: string): Promise<string> {
    const access = accessTo(this.pool, this.neighbours.a.stamp);
    const answer = await runStamped(access, { text: this.fill(text.replaceAll('{id}', id)) }).then(
      ({ rows, rowCount }) => ({ rows: rows as unknown[], rowCount }),
      ({ code, message, detail }: pg.DatabaseError) => ({ code, message, detail }),
    );
    return JSON.stringify(answer).replaceAll(id, 'the id');
  }

  private async achievementsOf(attack: HostileSql, way: Way, kind: string): Promise<string[]> {
    const commands = commandsOf(attack).map((command) => this.fill(command));
    await this.listen();
    this.received.take();
    await this.send(commands, way);
    const found = this.received.take().map((secret) => `read ${secret}`);
    const after = await this.neighbours.state();
    if (after.versions !== this.state.versions) found.push('changed rows of B');
    if (after.objects !== this.state.objects) found.push('changed objects');
    const answers = await this.answersOfB().catch((error: Error) => `refused: ${error.message}`);
    const isDenied = answers.startsWith('refused: ');
    if (answers !== this.answers && !(isDenied && (this.options.isPooled || mayDeny(kind))))
      found.push(`B got ${answers.slice(0, 200)}`);
    await this.listen().catch(() => undefined);
    this.received.take(); // what B may see
    await this.lookAtLeftovers();
    found.push(...this.received.take().map((secret) => `found afterwards ${secret}`));
    if (isDenied || mayDeny(kind)) await this.startAgain();
    else if (this.options.isPooled) await this.discardAll();
    const end = await this.neighbours.state();
    if (end.rows !== this.state.rows) found.push('changed rows of B afterwards');
    if (end.own !== this.state.own) await this.neighbours.restoreOwnRows();
    this.state = end.own === this.state.own ? end : await this.neighbours.state();
    return found;
  }

  private fill(command: string): string {
    const { a, b, customerOfB } = this.neighbours;
    const values: Readonly<Record<string, string>> = {
      ...{ A: a.id, B: b.id, a: a.schema, b: b.schema, proof: a.stamp.proof, id: customerOfB, leak: LEAK },
    };
    return command.replaceAll(/\{(A|B|a|b|proof|id|leak)\}/g, (_all, name: string) => values[name] ?? '');
  }

  private send(commands: readonly string[], way: Way): Promise<void> {
    switch (way) {
      case 'statements':
        return this.sendStatements(commands);
      case 'transaction':
        return this.sendInTransaction(commands);
      case 'session':
        return this.sendInSession(commands);
      case 'text':
      case 'unstamped':
        return this.sendText(commands, way === 'text');
    }
  }

  private async sendStatements(commands: readonly string[]): Promise<void> {
    const access = accessTo(this.pool, this.neighbours.a.stamp);
    for (const text of commands) {
      await runStamped(access, { text }).catch(() => undefined);
      await this.listen().catch(() => undefined); // the statement may have closed its connection
    }
  }

  private async sendInTransaction(commands: readonly string[]): Promise<void> {
    const { stamp } = this.neighbours.a;
    const lease = new Lease(await accessTo(this.pool, stamp).acquireForLease(), stamp, 'BEGIN');
    for (const text of commands) await lease.query({ text }).catch(() => undefined);
    await lease.commitOrRollback().catch(() => undefined);
  }

  /** Leaves the stamp on the connection, too, which no session does. */
  private async sendInSession(commands: readonly string[]): Promise<void> {
    const connection = await this.pool.acquire();
    const { client } = connection;
    let reason: string | undefined;
    const send = async (statement: Statement): Promise<void> => {
      await sendOnClient(client, {}, statement).catch((error: unknown) => {
        reason ??= discardReason(error) ?? unreadStatementReason(statement);
      });
    };
    await send(stampStatement(this.neighbours.a.stamp, 'session'));
    for (const text of commands) await send({ text });
    connection.release(reason ?? openTransactionReason(client));
  }

  /** Over the simple protocol, as no text of a caller is sent. */
  private async sendText(commands: readonly string[], isStamped: boolean): Promise<void> {
    const connection = await this.pool.acquire();
    const { client } = connection;
    const text = [...(isStamped ? [this.literalStamp()] : []), ...commands].join(';\n');
    const failure = await client.query(text).then(
      () => undefined,
      async () => {
        await untilReady(client);
        return unreadStatementReason({ text: text.slice(text.indexOf('\n') + 1) });
      },
    );
    connection.release(failure ?? openTransactionReason(client));
  }

  private literalStamp(): string {
    const { text, values } = stampStatement(this.neighbours.a.stamp);
    return text.replaceAll(/\$(\d)/g, (_all, index: string) => `'${values[Number(index) - 1]}'`);
  }

  /** What B's application reads and writes, as one text. */
  private async answersOfB(): Promise<string> {
    const client = this.clientOf('b');
    const answers: unknown[] = [];
    const ask = async (text: string, values?: readonly unknown[]): Promise<void> => {
      const { rows, rowCount } = await client.query(text, values);
      answers.push(rowCount, text === UPDATE ? (rows as { id: string }[]).map(({ id }) => id).toSorted() : rows);
    };
    await ask(JOIN);
    await ask(UPDATE, [1]);
    await ask('BEGIN');
    await ask(INSERT, ['kept@example.com', 'kept']);
    await ask(DELETE, ['kept@example.com']);
    await ask('COMMIT');
    return JSON.stringify(answers);
  }

  private async lookAtLeftovers(): Promise<void> {
    const access = accessTo(this.pool, this.neighbours.a.stamp);
    const together = `SELECT ${LEFT.map((text) => `(${text})::text`).join(', ')}`;
    const isDone = await runStamped(access, { text: together }).then(
      () => true,
      () => false,
    );
    if (!isDone) for (const text of LEFT) await runStamped(access, { text }).catch(() => undefined);
  }

  private clientOf(who: 'a' | 'b'): StampedClient {
    return new StampedClient(accessTo(this.pool, this.neighbours[who].stamp));
  }

  /** Listens on the connection that the pool gives out next. */
  private async listen(): Promise<void> {
    const connection = await this.pool.acquire();
    this.received.listenTo(connection.client as pg.Client);
    connection.release();
  }

  private async discardAll(): Promise<void> {
    const connection = await this.pool.acquire();
    await connection.client.query('DISCARD ALL');
    connection.release();
  }

  private async startAgain(): Promise<void> {
    await this.pool.end();
    await this.neighbours.restoreRole();
    // A pooler notices only now that its connections have ended.
    for (let attempts = 0; ; attempts += 1) {
      this.pool = this.openPool();
      try {
        return await this.listen();
      } catch (error) {
        await this.pool.end();
        if (attempts === MAX_ATTEMPTS) throw error;
      }
    }
  }

  private openPool(): TestPool {
    const { target } = this.neighbours;
    return new TestPool(this.options.through?.(target) ?? target, OPTIONS);
  }
}

/** node-postgres reports an error as soon as it arrives; the state of the transaction follows. Resolves when the connection ends, too. */
async function untilReady(client: pg.ClientBase): Promise<void> {
  if (internalsOf(client).readyForQuery) return;
  await new Promise<void>((resolve) => client.once('drain', resolve).once('end', resolve));
}
