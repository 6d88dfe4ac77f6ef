import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './config.errors.js';
import { systemCode, systemReason } from '../data-dir/system-error.js';

/** A line with nothing to assign: empty, or a comment. */
const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
/** `NAME=value`; a quoted value may go on over further lines, and has to end. Captures the name and the value. */
const ASSIGNMENT =
  /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*((?:(["'`])(?:(?!\3)[^])*\3[^\S\n]*(?:#[^\n]*)?|(?!["'`])[^\n]*))(?:\n|$)/y;

/**
 * Reads the assignments in a `.env` file; returns none when the file does not exist.
 *
 * Each is handed to Node's parser by itself: given a whole file, that loses variables without a word, in other ways in each
 * version (a line without `=`, a blank value before a line break, two spaces after `export`).
 *
 * @throws ConfigurationError when the file cannot be read or contains a line that is not an assignment
 */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  const content = contentOf(path)
    .replace(/^\uFEFF/, '')
    .replaceAll(/\r\n?/g, '\n');
  const values: Record<string, string | undefined> = {};
  for (let at = 0; at < content.length;) {
    const blankEnd = endOf(BLANK, content, at);
    if (blankEnd === undefined) at = readAssignment(content, at, values);
    else at = blankEnd;
  }
  return values;
}

/** @returns the position behind the assignment */
function readAssignment(content: string, at: number, values: Record<string, string | undefined>): number {
  ASSIGNMENT.lastIndex = at;
  const [, name = '', value = ''] = ASSIGNMENT.exec(content) ?? [];
  if (name === '') {
    const line = content.slice(0, at).split('\n').length;
    throw invalid(`lines of the form NAME=value; line ${line} is not one`);
  }
  values[name] = parseEnv(`${name}=${value.trim()}`)[name] ?? '';
  return ASSIGNMENT.lastIndex;
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
