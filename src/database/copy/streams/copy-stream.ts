import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { requestCancel } from '../../connection/cancel-request.js';
import type { RowMasking } from './row-masking.js';
import type { TransferMeter } from './transfer-meter.js';

/** How much either stream holds; more pieces in flight hide the time until the other side has taken one. */
const BUFFER_BYTES = 512 * 1024;

interface StreamOptions {
  readonly meter: TransferMeter;
  readonly signal: AbortSignal;
  /** Called when all rows were read, while the destination may still check them; settles before the copy does. */
  readonly onRead?: () => Promise<void>;
  readonly masking?: RowMasking;
}

/**
 * Sends the rows of a query from one connection into a table of another, as fast as the slower side. When this settles, also
 * with an error, both connections accept statements.
 *
 * The streams are not destroyed: one that is destroyed would leave its connection in the middle of a result. Instead, the
 * source is cancelled and read to its end, and the destination receives `CopyFail`.
 *
 * @param into a table and its columns, as SQL
 * @throws the error of the side that failed first
 */
export async function copyStream(
  source: { readonly client: pg.Client; readonly query: string },
  destination: { readonly client: pg.Client; readonly into: string },
  { meter, signal, onRead, masking }: StreamOptions,
): Promise<void> {
  const options = { highWaterMark: BUFFER_BYTES };
  const input = source.client.query(copyTo(`COPY (${source.query}) TO STDOUT`, options));
  const output = destination.client.query(copyFrom(`COPY ${destination.into} FROM STDIN`, options));
  let failure: { readonly error: unknown } | undefined;
  const pending: Promise<unknown>[] = [];

  await new Promise<void>((resolve) => {
    let open = 2;
    const close = (): void => void (--open === 0 && resolve());
    const fail = (error: unknown): void => void (failure ??= { error });

    /** Undefined when a mask has failed. */
    const masked = (piece: Buffer): Buffer | undefined => {
      try {
        return masking ? masking.mask(piece) : piece;
      } catch (error) {
        fail(error);
        pending.push(requestCancel(source.client));
        output.destroy(new Error('the rows could not be masked'));
        return undefined;
      }
    };

    input.once('end', () => {
      if (!failure) {
        output.end();
        if (onRead) pending.push(onRead().catch(fail));
      }
      close();
    });
    input.once('error', (error) => {
      const isFirst = !failure;
      fail(error);
      if (isFirst) output.destroy(new Error('the rows could not be read'));
      close();
    });
    output.once('finish', close);
    output.once('error', (error) => {
      if (!failure) pending.push(requestCancel(source.client));
      fail(error);
      input.resume(); // what is still under way is discarded
      close();
    });
    input.on('data', (piece: Buffer) => {
      if (failure) return;
      const waitMs = meter.count(piece);
      const rows = masked(piece);
      if (!rows) return;
      const isFull = !output.write(rows);
      if (!isFull && waitMs <= 0) return;
      input.pause();
      const drained = isFull && new Promise((goOn) => output.once('drain', goOn));
      const waited = waitMs > 0 && delay(waitMs, undefined, { signal }).catch(() => undefined); // aborted: ends the wait
      void Promise.all([drained, waited]).then(() => input.resume());
    });
  });
  await Promise.all(pending);
  if (failure) throw failure.error;
}
