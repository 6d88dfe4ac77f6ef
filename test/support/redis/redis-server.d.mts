export interface RunningRedis {
  readonly port: number;
  /** The server's own. */
  readonly pid: number;
  stop(): Promise<void>;
}

export function startRedis(options?: { port?: number; args?: string[] }): Promise<RunningRedis>;
