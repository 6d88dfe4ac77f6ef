import type { FileChange } from './file-change.js';

const CONTEXT = 3;

interface Line {
  readonly mark: ' ' | '+' | '-';
  readonly text: string;
}

/**
 * The change of a file as `diff -u` prints it. Of a file with secrets nothing is shown but the added lines, without the
 * values that were generated.
 */
export function unifiedDiff({ path, before, after, secrets }: FileChange): string[] {
  const header = [`--- ${before === undefined ? '/dev/null' : `a/${path}`}`, `+++ b/${path}`];
  const lines = compared(linesOf(before ?? ''), linesOf(after));
  if (!secrets) return [...header, ...hunks(lines, CONTEXT)];
  const masked = (text: string): string =>
    secrets.reduce((shown, secret) => shown.replace(secret, '(generated)'), text);
  return [...header, ...hunks(lines, 0).map(masked)];
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** By the longest common subsequence; what both begin and end with is set aside first. */
function compared(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < Math.min(before.length, after.length) && before[start] === after[start]) start += 1;
  let end = 0;
  const shorter = Math.min(before.length, after.length) - start;
  while (end < shorter && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const common = (text: string): Line => ({ mark: ' ', text });
  return [
    ...before.slice(0, start).map(common),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(common),
  ];
}

function middle(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  for (let [i, j] = [0, 0]; i < before.length || j < after.length;) {
    const [removed, added] = [before[i], after[j]];
    if (i < before.length && removed === added) {
      lines.push({ mark: ' ', text: removed ?? '' });
      [i, j] = [i + 1, j + 1];
    } else if (i < before.length && (j === after.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: '-', text: removed ?? '' });
      i += 1;
    } else {
      lines.push({ mark: '+', text: added ?? '' });
      j += 1;
    }
  }
  return lines;
}

function hunks(lines: readonly Line[], context: number): string[] {
  const changed = lines.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]));
  const ranges: { start: number; end: number }[] = [];
  for (const index of changed) {
    const [start, end] = [Math.max(0, index - context), Math.min(lines.length, index + context + 1)];
    const last = ranges.at(-1);
    if (last && start <= last.end) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges.flatMap(({ start, end }) => {
    const counted = (from: number, to: number, mark: '+' | '-'): number =>
      lines.slice(from, to).filter((line) => line.mark === ' ' || line.mark === mark).length;
    const range = (mark: '+' | '-'): string => {
      const count = counted(start, end, mark);
      return `${mark}${counted(0, start, mark) + (count > 0 ? 1 : 0)},${count}`;
    };
    return [`@@ ${range('-')} ${range('+')} @@`, ...lines.slice(start, end).map(({ mark, text }) => mark + text)];
  });
}
