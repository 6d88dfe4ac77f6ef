import { readFileSync } from 'node:fs';
import { blocksOf, wordsOf } from '../docs/code-blocks.js';

const GUIDE = 'docs/guides/adopting.md';

/**
 * The arguments of the guide's commands that begin like this, in the order of the text.
 *
 * @param database in place of the guide's
 */
export function guideCommand(begins: string, database?: string): readonly string[] {
  const commands = blocksOf(GUIDE, readFileSync(GUIDE, 'utf8'))
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => line.startsWith(`npx tenantry ${begins}`));
  const [command] = commands;
  if (command === undefined) throw new Error(`the guide has no command ${begins}`);
  const words = wordsOf(command.replace('npx tenantry ', ''));
  return words.map((word, n) => (words[n - 1] === '--database' ? (database ?? word) : word));
}
