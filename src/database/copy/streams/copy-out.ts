import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { requestCancel } from '../../connection/cancel-request.js';

const BUFFER_BYTES = 512 * 1024;

/**
 * Reads the rows of a query with COPY. When this settles, also with an error of `onPiece`, the connection accepts statements.
 *
 * @param onPiece waited for before the next piece is read; a piece may begin and end within a row
 * @param options of COPY, as SQL; by default its text format
 */
export async function copyOut(
  client: pg.Client,
  query: string,
  onPiece: (piece: Buffer) => Promise<void>,
  options = '',
): Promise<void> {
  const input = client.query(copyTo(`COPY (${query}) TO STDOUT ${options}`, { highWaterMark: BUFFER_BYTES }));
  const failures: unknown[] = [];
  let work = Promise.resolve();
  let cancelled = Promise.resolve();
  // Not `for await`, which would destroy the stream, and leave the connection in the middle of a result.
  await new Promise<void>((resolve) => {
    input.once('end', resolve);
    input.once('error', (error) => {
      failures.push(error);
      resolve();
    });
    input.on('data', (piece: Buffer) => {
      if (failures.length > 0) return;
      input.pause();
      work = onPiece(piece).catch((error: unknown) => {
        if (failures.length === 0) cancelled = requestCancel(client);
        failures.push(error);
      });
      void work.then(() => input.resume());
    });
  });
  await work;
  await cancelled;
  if (failures.length > 0) throw failures[0];
}
