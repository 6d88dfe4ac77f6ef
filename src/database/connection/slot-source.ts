/** Where a connection gets its place among those that this process may have to its server. */
export interface SlotSource {
  /** Waits for a place. @throws an error of connecting when there is none within `timeoutMs` */
  acquire(timeoutMs: number): Promise<void>;
  /** Called once the connection has closed. */
  release(): void;
}
