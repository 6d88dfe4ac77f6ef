import { Readable } from 'node:stream';
import { withDeadline } from '../platform/timeout.js';

interface RelayOptions {
  /** Ends the relay with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long the source may take to deliver while a reader waits; undefined: for ever. */
  readonly stallMs?: number;
  /** Makes the relay's error from the source's. */
  readonly failure?: (error: unknown) => unknown;
}

/**
 * A stream of a source's bytes that can be ended at any time. Destroying the source itself does not wake its reader where it is
 * made from a generator that waits (`Readable.from`). The time in which the reader does something else does not count as a
 * stall, as it would with a timeout of a socket.
 */
export class Relay extends Readable {
  /** Passed on so far. */
  bytes = 0;
  private readonly chunks: AsyncIterator<Buffer>;

  constructor(
    private readonly source: Readable,
    private readonly options: RelayOptions = {},
  ) {
    super();
    source.on('error', () => undefined); // the next read reports it
    this.on('error', () => undefined); // a reader that comes later sees it: it must not end the process before
    this.chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    this.endOnAbort(options.signal);
  }

  override _read(): void {
    void this.relayNext();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.source.destroy();
    callback(error);
  }

  private async relayNext(): Promise<void> {
    const { stallMs, failure } = this.options;
    try {
      const reading = this.chunks.next();
      const { value, done } = await (stallMs === undefined ? reading : withDeadline(reading, stallMs));
      if (done === true) {
        this.push(null);
        return;
      }
      const chunk = Buffer.from(value);
      this.bytes += chunk.length;
      this.push(chunk);
    } catch (error) {
      this.destroy(asError(failure ? failure(error) : error));
    }
  }

  private endOnAbort(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const end = (): void => void this.destroy(asError(signal.reason));
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    this.once('close', () => signal.removeEventListener('abort', end));
  }
}

/** By shape, not by class: a stream takes anything that says what it is. */
function asError(error: unknown): Error {
  const isError = typeof error === 'object' && error !== null && 'message' in error;
  return isError ? (error as Error) : new Error(String(error));
}
