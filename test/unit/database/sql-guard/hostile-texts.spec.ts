import { describe, expect, it } from '@jest/globals';
import { tokenize } from '../../../../src/database/sql-guard/sql-tokens.js';
import { classifyStatement, type StatementContext } from '../../../../src/database/sql-guard/classify-statement.js';
import { APPLICATION_COMMANDS, APPLICATION_TEXTS } from '../../../support/statements/application-texts.js';
import { HOSTILE_TEXTS } from '../../../support/statements/hostile-texts.js';
import { pick, seededRandom } from '../../../support/statements/seeded-random.js';

const SEED = 4_711;
const VARIANTS_PER_TEXT = 60;
const ALONE: StatementContext = { scope: 'statement', mayExplain: false };
const IN_TRANSACTION: StatementContext = { scope: 'transaction', mayExplain: false };
const IN_SESSION: StatementContext = { scope: 'session', mayExplain: false };

function isRefused(text: string, context: StatementContext): boolean {
  try {
    classifyStatement(text, context);
    return false;
  } catch (error) {
    expect((error as { code?: unknown }).code).toMatch(
      /^(?:SESSION_STATEMENT_REFUSED|STAMP_PROTECTED|MULTIPLE_COMMANDS)$/,
    );
    return true;
  }
}

describe('a hostile statement', () => {
  it.each(HOSTILE_TEXTS)('is refused inside and outside transactions: %s', (text) => {
    for (const context of [ALONE, IN_TRANSACTION]) expect(isRefused(text, context)).toBe(true);
  });

  it.each(HOSTILE_TEXTS.filter((text) => !ofSessions(text)))('is refused in a session: %s', (text) => {
    expect(isRefused(text, IN_SESSION)).toBe(true);
  });

  it('never passes for comments, white space, case and quotes put into it', () => {
    const random = seededRandom(SEED);
    const passed: string[] = [];
    for (const text of HOSTILE_TEXTS.filter((hostile) => !/[$\\]|--|\/\*|'\n'/.test(hostile))) {
      for (let count = 0; count < VARIANTS_PER_TEXT; count += 1) {
        const variant = variantOf(text, random);
        if (!isRefused(variant, ALONE)) passed.push(variant);
      }
    }
    expect(passed).toEqual([]);
  });
});

describe('a statement of an application', () => {
  it.each(APPLICATION_TEXTS)('is sent as it is: %s', (text) => {
    for (const context of [ALONE, IN_TRANSACTION, IN_SESSION]) {
      expect(classifyStatement(text, context)).toEqual({ kind: expect.stringMatching(/^(?:rows|plain)$/) });
    }
  });

  it.each(APPLICATION_COMMANDS)('is built anew when it is a command: %s', (text) => {
    expect(classifyStatement(text, IN_TRANSACTION).built).toBeDefined();
  });
});

/** A session has temporary tables and settings of its own. */
function ofSessions(text: string): boolean {
  return /pg_temp|^CREATE TEMP TABLE customers|^DROP TABLE|^SET \w+\./.test(text);
}

const BLANKS = [' ', '\n', '\t', '\f', '\r\n', '/**/', '/* x */', '/* /* \' */ " */', '-- x\n', '--\r'];
/** Words that a quoted or escaped spelling does not change: names, not keywords. */
const NAMES =
  /^(?:set_config|current_setting|pg_\w+|lo_\w+|ts_\w+|\w+val|\w+_to_xml|information_schema|crosstab|dblink)$/;

/** The same statement for PostgreSQL, spelled in another way. */
function variantOf(text: string, random: () => number): string {
  const spelled = tokensOf(text).map((token) => (/^\w/.test(token) ? spell(token, random) : token));
  return spelled.reduce((all, token) => all + blank(random, all, token) + token, '');
}

/** The text cut into words, constants, names and symbols. White space goes. */
function tokensOf(text: string): readonly string[] {
  const pieces = text.match(/'(?:[^']|'')*'|"[^"]*"|[euEU]&?(?='|")|\w+|[^\s\w'"]/g) ?? [];
  return pieces;
}

function spell(word: string, random: () => number): string {
  if (NAMES.test(word) && random() < 0.3) return pick(random, [`"${word}"`, escaped(word)]);
  return Array.from(word, (letter) => (random() < 0.5 ? letter.toUpperCase() : letter)).join('');
}

function escaped(name: string): string {
  const code = (name.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  return `U&"\\${code}${name.slice(1)}"`;
}

/** Two words need something between; signs that form one operator must stay together. */
function blank(random: () => number, before: string, after: string): string {
  if (before === '') return random() < 0.3 ? pick(random, BLANKS) : '';
  const glued = /[-:|<>=!&]$/.test(before) && /^[-:|<>=!&]/.test(after);
  const isPrefix = /(?:^|[^\w])(?:[eE]|[uU]&)$/.test(before) && /^['"]/.test(after);
  if (glued || isPrefix) return '';
  const mustPart = /[\w"']$/.test(before) && /^[\w"']/.test(after);
  return mustPart || random() < 0.3 ? pick(random, BLANKS) : '';
}

it('the variants are spelled differently and have the same words', () => {
  const variant = variantOf('SELECT lower(body) FROM notes', seededRandom(SEED));
  const words = (text: string): readonly string[] => tokenize(text).map((token) => token.text);
  expect(variant).not.toBe('SELECT lower(body) FROM notes');
  expect(words(variant)).toEqual(words('SELECT lower(body) FROM notes'));
});
