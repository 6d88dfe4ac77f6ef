import type { EventEmitter } from 'node:events';

/**
 * The tags of commands that leave nothing on a session once no transaction is open. `DISCARD ALL` removes what others
 * left, and of the prepared statements it leaves none, which their users notice.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'],
  ...['BEGIN', 'START TRANSACTION', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE', 'SET CONSTRAINTS'],
]);
const CLEANING = 'DISCARD ALL';

interface Message {
  readonly text: string;
}

/**
 * Tracks which commands ran on a connection, by the tag that PostgreSQL sends for each completed one. A text can hide
 * its command from a reader; the tag names it.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-COMMANDCOMPLETE
 */
export class CommandTags {
  private hasOther = false;
  /** The statement described last returns no columns. */
  private isWithoutColumns = false;

  /** @param messages node-postgres' `Connection`, which emits the server's messages by name */
  constructor(messages: EventEmitter) {
    messages.on('noData', () => (this.isWithoutColumns = true));
    messages.on('rowDescription', () => (this.isWithoutColumns = false));
    messages.on('commandComplete', ({ text }: Message) => this.onComplete(text));
  }

  /** Whether no command ran that may have left something on the session. */
  get areHarmless(): boolean {
    return !this.hasOther;
  }

  /** `SELECT` without columns created a table: `SELECT … INTO`, `CREATE TABLE … AS`. */
  private onComplete(text: string): void {
    const tag = withoutCounts(text);
    if (tag === CLEANING) this.hasOther = false;
    else if (!HARMLESS.has(tag) || (tag === 'SELECT' && this.isWithoutColumns)) this.hasOther = true;
    this.isWithoutColumns = false;
  }
}

/** `INSERT 0 1` -> `INSERT`. The tags of row commands end with numbers. */
function withoutCounts(text: string): string {
  let end = text.length;
  for (let code = text.charCodeAt(end - 1); isDigitOrSpace(code); code = text.charCodeAt(end - 1)) end -= 1;
  return text.slice(0, end);
}

function isDigitOrSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x30 && code <= 0x39);
}
