import type { EventEmitter } from 'node:events';

/**
 * Reported, and not compared: the states of the server (`ReadWriteClient` judges whether it accepts writes), and what
 * every stamp sets anyway. A pooler's connections differ in their `search_path` when a role's default changes.
 */
const NOT_COMPARED: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only', 'search_path']);

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/**
 * Tracks the settings that PostgreSQL reports unprompted (`ParameterStatus`): their values at connect, and which of
 * them differ now. A difference is meaningful only between transactions: inside one, `SET LOCAL` is reported too.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC
 */
export class ReportedSettings {
  private readonly atConnect = new Map<string, string>();
  private readonly changed = new Set<string>();
  private isConnected = false;

  /** @param messages node-postgres' `Connection`, which emits `parameterStatus` */
  constructor(messages: EventEmitter) {
    messages.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (NOT_COMPARED.has(parameterName)) return;
      if (!this.isConnected) this.atConnect.set(parameterName, parameterValue);
      else if (this.atConnect.get(parameterName) === parameterValue) this.changed.delete(parameterName);
      else this.changed.add(parameterName);
    });
  }

  /** Ends the recording of initial values; later reports are compared with them. */
  markConnected(): void {
    this.isConnected = true;
  }

  /** Whether every reported setting has the value that it had at connect. */
  get areUnchanged(): boolean {
    return this.changed.size === 0;
  }
}
