import { describe, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { blocksOf, type CodeBlock, commandsOf } from '../../support/docs/code-blocks.js';
import { firstLineOf, isToBeRun } from '../../support/docs/how-blocks-run.js';
import { runScript, type ScriptOptions } from './script.js';

const ROOT = new URL('../../../', import.meta.url);

/** The place where a guide is followed. */
export interface Place extends Pick<ScriptOptions, 'cwd' | 'env'> {
  /** What the reader puts in: a text of the guide, and what it is here. */
  readonly replaced?: readonly (readonly [string, string])[];
  /** Commands that run in front of the block in the same shell. */
  readonly first?: string;
}

/** What a reader does at a block. */
export interface Steps extends Pick<ScriptOptions, 'answers' | 'until' | 'meanwhile'> {
  /** What the text in front of the block tells the reader to do. */
  readonly before?: () => Promise<void> | void;
  /** Commands that run behind the block in the same shell, with its variables. */
  readonly then?: () => string;
  /** What the reader sees. */
  readonly after?: (output: string) => Promise<void> | void;
}

/**
 * Registers one test per block of the guide that has to be run, in the order of the text.
 *
 * @param steps by the first line of their block
 */
export function describeGuide(
  document: string,
  placeOf: (block: CodeBlock) => Place,
  steps: Readonly<Record<string, Steps>> = {},
): void {
  describe(`${document}, followed from top to bottom`, () => {
    const blocks = blocksOf(document, readFileSync(new URL(document, ROOT), 'utf8')).filter(isToBeRun);
    const ahead = new Map(Object.entries(steps)); // of two blocks with one first line, the first has them

    it('has the blocks that this spec knows', () => {
      const unknown = Object.keys(steps).filter((starts) => !blocks.some((block) => firstLineOf(block) === starts));
      if (unknown.length > 0) throw new Error(`no block begins with ${unknown.join(', ')}`);
    });
    it.each(blocks)(
      'runs $where',
      async (block) => {
        const { before, then, after, ...typed } = ahead.get(firstLineOf(block)) ?? {};
        ahead.delete(firstLineOf(block));
        await before?.();
        const { replaced = [], first = '', ...place } = placeOf(block);
        const script = [first, scriptOf(block, replaced), then?.() ?? ''].join('\n');
        const output = await runScript(script, { ...place, ...typed });
        await after?.(output);
      },
      600_000,
    );
  });
}

/** The block of a document that begins so. */
export function shownIn(document: string, starts: string): string {
  const found = blocksOf(document, readFileSync(new URL(document, ROOT), 'utf8')).find((block) =>
    firstLineOf(block).startsWith(starts),
  );
  if (!found) throw new Error(`no block of ${document} begins with ${starts}`);
  return found.text;
}

function scriptOf(block: CodeBlock, replaced: NonNullable<Place['replaced']>): string {
  const text = replaced.reduce((script, [from, to]) => script.replaceAll(from, to), block.text);
  if (block.language === 'sh') return text;
  if (block.language === 'sql') return `psql --set=ON_ERROR_STOP=1 --dbname=postgres <<'END'\n${text}END\n`;
  const commands = commandsOf({ ...block, text });
  if (commands.length === 0) throw new Error(`${block.where} is neither run nor listed in how-blocks-run.ts`);
  return commands.join('\n');
}
