import { mkdir, writeFile } from 'node:fs/promises';

const RESULTS = new URL('../results/', import.meta.url);

/**
 * Saves results under bench/results, as Markdown for readers and JSON for programs.
 *
 * @param name start of the file names; the date is appended
 * @returns path of the Markdown file, relative to the root of the checkout
 */
export async function saveResults(name, text, data) {
  await mkdir(RESULTS, { recursive: true });
  const file = `${name}-${data.date.slice(0, 10)}`;
  await writeFile(new URL(`${file}.md`, RESULTS), `${text}\n`);
  await writeFile(new URL(`${file}.json`, RESULTS), `${JSON.stringify(data, undefined, 2)}\n`);
  return `bench/results/${file}.md`;
}
