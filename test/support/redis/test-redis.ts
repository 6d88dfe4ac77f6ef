import { Redis } from 'ioredis';
import { type RunningRedis, startRedis } from './redis-server.mjs';

/** A Redis that belongs to one test, which may stop it, freeze it, fill it and start it again. */
export class TestRedis {
  private constructor(
    private server: RunningRedis,
    private readonly args: string[],
  ) {}

  static async start(args: string[] = []): Promise<TestRedis> {
    return new TestRedis(await startRedis({ args }), args);
  }

  get port(): number {
    return this.server.port;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.server.port };
  }

  /** Sends one command over a connection of its own. */
  async send(command: string, ...args: (string | number)[]): Promise<unknown> {
    return this.use((client) => client.call(command, ...args));
  }

  async use<T>(work: (client: Redis) => Promise<T>, password?: string): Promise<T> {
    const login = password === undefined ? {} : { password };
    const client = new Redis({
      port: this.port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: () => null,
      ...login,
    });
    client.on('error', () => undefined); // failing calls report it themselves
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  /** Shortens the remaining lifetime of every key. */
  async age(ms: number): Promise<void> {
    await this.use(async (client) => {
      for (const key of await client.keys('*')) {
        const leftMs = await client.pttl(key);
        if (leftMs >= 0) await client.pexpire(key, leftMs - ms);
      }
    });
  }

  /** Stops the process (SIGSTOP): connections stay open, and no command is answered. */
  freeze(): void {
    process.kill(this.server.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.server.pid, 'SIGCONT');
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** Starts again on the same port, empty. */
  async startAgain(): Promise<void> {
    this.server = await startRedis({ port: this.server.port, args: this.args });
  }
}
