import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './config.errors.js';
import { systemCode, systemReason } from '../data-dir/system-error.js';

/** A line with nothing to assign: empty, or a comment. */
const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
/** `NAME=value`; a quoted value may go on over further lines, as it does for Node's parser. */
const ASSIGNMENT = /[^\S\n]*(?:export\s+)?[A-Za-z_]\w*[^\S\n]*=[^\S\n]*(?:(["'`])[^]*?\1[^\n]*|[^\n]*)(?:\n|$)/y;

/**
 * Reads the assignments in a `.env` file; returns none when the file does not exist.
 *
 * @throws ConfigurationError when the file cannot be read or contains a line that is not an assignment
 */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  const content = contentOf(path);
  assertAssignments(content.replaceAll('\r\n', '\n'));
  return parseEnv(content);
}

/** Node's parser ignores other lines, or joins them to the next one (Node 20): either way a variable would be lost. */
function assertAssignments(content: string): void {
  for (let at = 0; at < content.length;) {
    const end = endOf(BLANK, content, at) ?? endOf(ASSIGNMENT, content, at);
    if (end === undefined) {
      const line = content.slice(0, at).split('\n').length;
      throw invalid(`lines of the form NAME=value; line ${line} is not one`);
    }
    at = end;
  }
}

/** The end of the match at this position; undefined without one. */
function endOf(sticky: RegExp, content: string, at: number): number | undefined {
  sticky.lastIndex = at;
  return sticky.test(content) ? sticky.lastIndex : undefined;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw invalid(`a readable file, or none: ${systemReason(error)}`, error);
  }
}

function invalid(expected: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError([{ variable: '.env', expected }], { cause });
}
