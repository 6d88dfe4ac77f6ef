import type { Socket } from 'node:net';
import type pg from 'pg';

/** Everything that the server sends on connections: rows, errors, notices and copies alike, searched for secrets. */
export class ReceivedBytes {
  private readonly listened = new WeakSet<Socket>();
  private text = '';

  constructor(private readonly secrets: readonly string[]) {}

  listenTo(client: pg.Client): void {
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    if (this.listened.has(stream)) return;
    this.listened.add(stream);
    stream.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
  }

  /** @returns the secrets among what has arrived since the last call */
  take(): string[] {
    const { text } = this;
    this.text = '';
    return this.secrets.filter((secret) => text.includes(secret));
  }
}
