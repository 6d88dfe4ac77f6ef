import type { EventEmitter } from 'node:events';

/** Reported like settings, but set by the server: whether it writes is judged elsewhere. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only']);

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/**
 * The settings that PostgreSQL reports by itself (`ParameterStatus`): those at connect, and which differ from them now.
 * Differences matter between transactions only: within one, PostgreSQL 18 reports the stamp's `search_path` too.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC
 */
export class ReportedSettings {
  private readonly atConnect = new Map<string, string>();
  private readonly changed = new Set<string>();
  private isConnected = false;

  /** @param messages node-postgres' connection: it emits `parameterStatus` */
  constructor(messages: EventEmitter) {
    messages.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (OF_THE_SERVER.has(parameterName)) return;
      if (!this.isConnected) this.atConnect.set(parameterName, parameterValue);
      else if (this.atConnect.get(parameterName) === parameterValue) this.changed.delete(parameterName);
      else this.changed.add(parameterName);
    });
  }

  /** From now on what is reported is compared. */
  connected(): void {
    this.isConnected = true;
  }

  get areAsAtConnect(): boolean {
    return this.changed.size === 0;
  }
}
