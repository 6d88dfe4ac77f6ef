import type { EventEmitter } from 'node:events';
import type { CommandComplete, ParameterStatus } from './pg-internals.js';

/**
 * Reported, and not compared: the states of the server (`ReadWriteClient` tracks whether it accepts writes), and what
 * every stamp sets anyway. A pooler's connections differ in their `search_path` when a role's default changes.
 */
const NOT_COMPARED: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only', 'search_path']);

/** The tags of commands that leave nothing on a session once no transaction is open. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'],
  ...['BEGIN', 'START TRANSACTION', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE', 'SET CONSTRAINTS'],
]);
/** Removes what others left, and of the prepared statements it leaves none, which their users notice. */
const CLEANING = 'DISCARD ALL';

/**
 * Whether a session is as it was at connect, by what the server reports unprompted: its settings, and the tag of each
 * completed command. A text can hide its command from a reader; the tag names it.
 *
 * Sources: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC,
 * https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-COMMANDCOMPLETE
 */
export class SessionState {
  private readonly atConnect = new Map<string, string>();
  private readonly changedSettings = new Set<string>();
  private isConnected = false;
  private ranOtherCommand = false;
  /** The statement described last returns no columns. */
  private isWithoutColumns = false;

  /**
   * @param connection emits the server's messages by name
   * @param isOwnCommand whether the command that was completed was made here, so that it leaves nothing behind
   */
  constructor(
    connection: EventEmitter,
    private readonly isOwnCommand: () => boolean = () => false,
  ) {
    connection.on('parameterStatus', (setting: ParameterStatus) => this.onSetting(setting));
    connection.on('noData', () => (this.isWithoutColumns = true));
    connection.on('rowDescription', () => (this.isWithoutColumns = false));
    connection.on('commandComplete', ({ text }: CommandComplete) => this.onCommand(text));
  }

  /** Ends the recording of initial settings; later reports are compared with them. */
  markConnected(): void {
    this.isConnected = true;
  }

  /**
   * Whether every reported setting has the value that it had at connect, and no command ran that may have left something
   * on the session. Meaningful only between transactions: inside one, `SET LOCAL` is reported too.
   */
  get isInitial(): boolean {
    return this.changedSettings.size === 0 && !this.ranOtherCommand;
  }

  private onSetting({ parameterName, parameterValue }: ParameterStatus): void {
    if (NOT_COMPARED.has(parameterName)) return;
    if (!this.isConnected) this.atConnect.set(parameterName, parameterValue);
    else if (this.atConnect.get(parameterName) === parameterValue) this.changedSettings.delete(parameterName);
    else this.changedSettings.add(parameterName);
  }

  /** `SELECT` without columns created a table: `SELECT … INTO`, `CREATE TABLE … AS`. */
  private onCommand(text: string): void {
    const tag = withoutCounts(text);
    if (tag === CLEANING) this.ranOtherCommand = false;
    else if (!HARMLESS.has(tag) || (tag === 'SELECT' && this.isWithoutColumns))
      this.ranOtherCommand ||= !this.isOwnCommand();
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
