import { mkdir, writeFile } from 'node:fs/promises';

const RESULTS = new URL('../results/', import.meta.url);

/**
 * Keeps figures under bench/results, as Markdown to read and JSON to compute with.
 *
 * @param name what the files' names begin with
 * @returns where the Markdown is, from the root of the checkout
 */
export async function keep(name, text, data) {
  await mkdir(RESULTS, { recursive: true });
  const file = `${name}-${data.date.slice(0, 10)}`;
  await writeFile(new URL(`${file}.md`, RESULTS), `${text}\n`);
  await writeFile(new URL(`${file}.json`, RESULTS), `${JSON.stringify(data, undefined, 2)}\n`);
  return `bench/results/${file}.md`;
}
