import type { TestApp } from '../test-app.js';

/** Several callers that send requests one after another until stopped; responses are counted by status. */
export class SteadyLoad {
  readonly answers = new Map<number, number>();
  private stopped = false;
  private readonly callers: Promise<void>[];

  /**
   * @param apps returns the instances that can be called at the moment; called before each request
   * @param apiKeys the keys that the callers use in turn
   */
  constructor(
    private readonly apps: () => readonly TestApp[],
    private readonly apiKeys: readonly string[],
    callers = 4,
  ) {
    this.callers = Array.from({ length: callers }, (_, n) => this.callUntilStopped(n));
  }

  get total(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.callers);
  }

  private async callUntilStopped(caller: number): Promise<void> {
    for (let n = caller; !this.stopped; n += 1) {
      const apps = this.apps();
      const app = apps[n % apps.length];
      const apiKey = this.apiKeys[n % this.apiKeys.length];
      if (!app) throw new Error('there is no instance');
      const { status } = await app.call('/api/v1/customers?limit=1', { apiKey });
      this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    }
  }
}
