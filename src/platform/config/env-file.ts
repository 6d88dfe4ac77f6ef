import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './config.errors.js';
import { systemCode, systemReason } from '../data-dir/system-error.js';

const NAME = /^[A-Za-z_]\w*$/;

/**
 * Reads the assignments in a `.env` file; returns none when the file does not exist.
 *
 * @throws ConfigurationError when the file cannot be read or contains a line that is not an assignment
 */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  const values = parseEnv(contentOf(path));
  // Node's parser joins a line without "=" to the next one, which would silently lose the variable on that line.
  if (Object.keys(values).some((name) => !NAME.test(name))) throw invalid('lines of the form NAME=value');
  return values;
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
