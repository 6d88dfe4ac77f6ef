import { once } from 'node:events';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

const BUFFER_BYTES = 512 * 1024;

/**
 * Writes pieces of COPY's text format into a table. When this settles, also with an error of `pieces`, the connection accepts
 * statements, and no row was written if it failed.
 *
 * @param into a table and its columns, as SQL
 */
export async function copyIn(client: pg.Client, into: string, pieces: AsyncIterable<Buffer>): Promise<void> {
  const output = client.query(copyFrom(`COPY ${into} FROM STDIN`, { highWaterMark: BUFFER_BYTES }));
  const failures: unknown[] = [];
  const ended = new Promise<void>((resolve) => {
    output.once('finish', resolve);
    output.once('error', (error) => {
      failures.push(error);
      resolve();
    });
  });
  try {
    for await (const piece of pieces) {
      if (failures.length > 0) break;
      if (!output.write(piece)) await Promise.race([once(output, 'drain').catch(() => undefined), ended]);
    }
    output.end();
  } catch (error) {
    failures.push(error);
    output.destroy(new Error('the rows could not be read')); // sends CopyFail
  }
  await ended;
  if (failures.length > 0) throw failures[0];
}
