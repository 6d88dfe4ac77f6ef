import type { CodeBlock } from './code-blocks.js';

/** A block that is not run. */
interface Exception {
  readonly document: string;
  /** Its first line. */
  readonly starts: string;
  readonly reason: string;
}

/** All blocks of README and the guides that are neither run nor taken from code that is run. */
const NOT_RUN: readonly Exception[] = [];

/** Languages whose blocks are excerpts of code that is run (test/unit/docs/code-blocks.spec.ts). */
const EXCERPTS = new Set(['ts', 'diff']);

function documentOf({ where }: CodeBlock): string {
  return where.slice(0, where.lastIndexOf(':'));
}

export function firstLineOf({ text }: CodeBlock): string {
  return (text.split('\n', 1)[0] ?? '').trim();
}

function isException(block: CodeBlock): boolean {
  return NOT_RUN.some(({ document, starts }) => document === documentOf(block) && starts === firstLineOf(block));
}

/** Whether a spec has to run the block. */
export function isToBeRun(block: CodeBlock): boolean {
  return !EXCERPTS.has(block.language) && !isException(block);
}
