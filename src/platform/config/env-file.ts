import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './config.errors.js';
import { systemCode, systemReason } from '../data-dir/system-error.js';

const NAME = /^[A-Za-z_]\w*$/;

/**
 * The assignments of a `.env` file; none when there is no such file.
 *
 * @throws ConfigurationError when the file is there and cannot be read, or has a line that is no assignment
 */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  const values = parseEnv(contentOf(path));
  // Node's parser joins a line without "=" to the one behind it, so that variable would silently be lost.
  if (Object.keys(values).some((name) => !NAME.test(name))) throw invalid('lines of NAME=value');
  return values;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw invalid(`a file that can be read, or none: ${systemReason(error)}`, error);
  }
}

function invalid(expected: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError([{ variable: '.env', expected }], { cause });
}
