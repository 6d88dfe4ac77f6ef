import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { HaltPoints } from './halt-points.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { Service } from '../processes/service.js';
import { ADMIN_KEY, dropEverything, type Json } from '../test-app.js';

/** Two processes over one catalog: the other one completes the operation that one was killed in. */
export class Operators {
  private constructor(
    readonly database: TestDatabase,
    readonly halts: HaltPoints,
    private services: Service[],
    private readonly env: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Operators> {
    const database = await createTestDatabase('catalog');
    const env = { DATABASE_URL: database.url, ...settings };
    const services = [await Service.start(env), await Service.start(env)];
    return new Operators(database, await HaltPoints.in(database.name), services, env);
  }

  async close(): Promise<void> {
    await this.halts.close();
    await Promise.all(this.services.map((service) => service.stop()));
    await dropEverything(this.database);
  }

  /** Of the processes that run. */
  get urls(): readonly string[] {
    return this.services.map(({ url }) => url);
  }

  async call(method: string, path: string, body?: object, apiKey = ADMIN_KEY): Promise<{ status: number; body: Json }> {
    const call = request(`${this.services[0]?.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body && { 'content-type': 'application/json' }),
      },
    });
    call.end(body && JSON.stringify(body));
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const content = await text(response);
    return { status: response.statusCode ?? 0, body: content === '' ? undefined : JSON.parse(content) };
  }

  /** Kills the worker of a halted operation (SIGKILL). */
  async killWorkerOf(operationId: string): Promise<void> {
    const worker = await this.workerOf(operationId);
    await worker.kill();
    this.services = this.services.filter((service) => service !== worker);
  }

  /** Freezes the worker of a halted operation (SIGSTOP); the other process gets all calls until it is woken. */
  async freezeWorkerOf(operationId: string): Promise<Service> {
    const worker = await this.workerOf(operationId);
    worker.signal('SIGSTOP');
    this.services = [...this.services.filter((service) => service !== worker), worker];
    return worker;
  }

  /** Starts a replacement for a killed process. */
  async bothRun(): Promise<void> {
    if (this.services.length < 2) this.services.push(await Service.start(this.env));
  }

  private async workerOf(operationId: string): Promise<Service> {
    const [row] = await this.database.admin<{ instance: string }>('SELECT instance FROM operations WHERE id = $1', [
      operationId,
    ]);
    const worker = this.services.find(({ process }) => row?.instance.endsWith(`:${process.pid}`));
    if (!worker) throw new Error(`the worker is none of these processes: ${row?.instance}`);
    return worker;
  }
}
