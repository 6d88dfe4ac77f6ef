import { structuredPatch } from 'diff';
import type { FileChange } from './file-change.js';

/**
 * The change of a file as `diff -u` prints it. Of a file with secrets nothing is shown but the added lines, without the
 * values that were generated.
 */
export function unifiedDiff({ path, before, after, secrets }: FileChange): string[] {
  const options = { context: secrets ? 0 : 3, stripTrailingCr: true, ignoreNewlineAtEof: true };
  const { hunks } = structuredPatch(path, path, before ?? '', after, undefined, undefined, options);
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: changed }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...changed,
  ]);
  const masked = (text: string): string =>
    (secrets ?? []).reduce((shown, secret) => shown.replace(secret, '(generated)'), text);
  return [`--- ${before === undefined ? '/dev/null' : `a/${path}`}`, `+++ b/${path}`, ...lines.map(masked)];
}
