import { setTimeout as delay } from 'node:timers/promises';

/** Answers by status and code: `{ '200': 4, '503 POOL_TIMEOUT': 1 }`. */
export type Answers = Record<string, number>;

/** Callers that each send one request after the other, to the instances in turn, for a while. */
export async function callFor(
  ms: number,
  callers: number,
  requests: readonly { readonly url: string; readonly apiKey: string }[],
): Promise<Answers> {
  const answers: Answers = {};
  const endsAt = performance.now() + ms;
  const caller = async (first: number): Promise<void> => {
    for (let n = first; performance.now() < endsAt; n += 1) {
      const { url, apiKey } = requests[n % requests.length]!;
      const answer = await answerOf(url, apiKey);
      answers[answer] = (answers[answer] ?? 0) + 1;
      if (answer !== '200') await delay(5);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(n)));
  return answers;
}

async function answerOf(url: string, apiKey: string): Promise<string> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${apiKey}` } });
  const body = (await response.json()) as { readonly code?: string };
  return [response.status, body.code].filter((part) => part !== undefined).join(' ');
}

/** For a table: `3,482 × 200, 18 × 503 POOL_TIMEOUT`. */
export function describeAnswers(answers: Answers): string {
  return Object.entries(answers)
    .map(([answer, count]) => `${count.toLocaleString('en')} × ${answer}`)
    .join(', ');
}
