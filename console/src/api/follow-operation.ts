import { request } from './client.js';
import type { Operation } from './types.js';

const RETRY_MS = 2_000;
/** Statuses that another attempt does not change; others are an instance or a proxy that restarts, or too many followers. */
const FINAL = new Set([401, 403, 404]);

/**
 * Calls back with each state of an operation until it has ended or the signal is aborted. Streamed by `fetch`: an `EventSource`
 * cannot send the key. A broken stream is opened again after 2 s; its first event is the present state.
 */
export async function followOperation(
  id: string,
  signal: AbortSignal,
  onState: (operation: Operation) => void,
  onProblem: (error: Error) => void,
): Promise<void> {
  let ended = false;
  while (!ended && !signal.aborted) {
    try {
      const response = await request(`operations/${encodeURIComponent(id)}/events`, { signal });
      for await (const data of eventData(response.body!)) {
        const operation = JSON.parse(data) as Operation;
        onState(operation);
        ended = hasEnded(operation);
      }
    } catch (error) {
      if (signal.aborted) return;
      onProblem(error as Error);
      if (FINAL.has((error as { status?: number }).status ?? 0)) return;
    }
    if (!ended) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

export function hasEnded({ status }: Pick<Operation, 'status'>): boolean {
  return status !== 'pending' && status !== 'running';
}

async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split(/\r?\n\r?\n/);
    rest = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      if (lines.length > 0) yield lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
    }
  }
}
