import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { buildProgram, INVOCATION } from '../../../src/cli/program.js';
import {
  blocksOf,
  type CodeBlock,
  commandsOf,
  essenceOf,
  isExcerptOf,
  wordsOf,
} from '../../support/docs/code-blocks.js';
import { documentOf, firstLineOf, isToBeRun, NOT_RUN, RUN_BY } from '../../support/docs/how-blocks-run.js';

const ROOT = new URL('../../../', import.meta.url);
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/graphql-and-gateway/README.md',
  ...markdownIn('docs'),
  ...markdownIn('docs/guides'),
];
/** Where code is that a test runs. */
const CODE = ['src', 'test', 'examples'];
/** Documents whose TypeScript is whole files, which a test writes there and runs. */
const FILES_RUN_BY: Readonly<Record<string, string>> = {
  'docs/guides/migrations.md': 'test/integration/database/table-migrations/generation/generate-migration.spec.ts',
};

const blocks = DOCUMENTS.flatMap((document) => blocksOf(document, read(document)));

function markdownIn(folder: string): string[] {
  const names = readdirSync(new URL(folder, ROOT)).filter((name) => name.endsWith('.md'));
  return names.map((name) => `${folder}/${name}`);
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(new URL(`${folder}/`, ROOT), { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue;
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(?:ts|mjs|json)$/.test(entry.name)) yield path;
  }
}

describe('a block of code in the documentation', () => {
  const sources = CODE.flatMap((folder) => Array.from(sourceFiles(folder), (path) => essenceOf(read(path))));

  /** README's new domain is put in the sample's place, compiled and run by a test (test/soak/checks/another-domain.spec.ts). */
  const isFileOfItsOwn = ({ text, where }: CodeBlock): boolean =>
    text.startsWith('// src/') || where.replace(/:\d+$/, '') in FILES_RUN_BY;
  const added = ({ text }: CodeBlock): string =>
    text
      .split('\n')
      .filter((line) => /^[+ ]/.test(line))
      .map((line) => line.slice(1))
      .join('\n');

  it.each(blocks.filter((block) => block.language === 'ts' && !isFileOfItsOwn(block)))(
    'is taken from code that is run: $where',
    ({ text }) => expect(sources.some((source) => isExcerptOf(text, source))).toBe(true),
  );

  it.each(blocks.filter(({ language }) => language === 'diff'))(
    'is taken from an example that is run: $where',
    (block) => expect(sources.some((source) => isExcerptOf(added(block), source))).toBe(true),
  );
});

describe('a command in the documentation', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
  const commands = blocks.flatMap((block) => commandsOf(block).map((command) => ({ where: block.where, command })));
  const ofTenantry = commands.flatMap(({ where, command }) => {
    const [, args] =
      /(?:npx tenantry|npm run (?:--silent )?tenantry --|node dist\/cli\.js) (.+?)\)?$/.exec(command) ?? [];
    return args === undefined || args.startsWith('<') ? [] : [{ where, args }];
  });

  it.each(ofTenantry)('exists with its options: tenantry $args ($where)', async ({ args }) => {
    const terminal = {
      stdin: Readable.from([]),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      env: {},
      cwd: '/',
    };
    let isRun = false;
    const run = (): Promise<void> => {
      isRun = true;
      return Promise.resolve();
    };
    const program = buildProgram(terminal, { run, runStandalone: run }, INVOCATION);
    await program.parseAsync(wordsOf(args.replace(/ [>|].*$/, '')), { from: 'user' });
    expect(isRun).toBe(true);
  });

  it('of npm is a script of this project', () => {
    const named = commands.flatMap(({ where, command }) => {
      const [, script] = /^npm (?:run (?:--silent )?)?(?!run|ci|install|pack|i\b|--)([\w:-]+)/.exec(command) ?? [];
      return script === undefined ? [] : [{ where, script }];
    });
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ script }) => scripts[script] === undefined)).toEqual([]);
  });

  it.each([...Object.entries(RUN_BY), ...Object.entries(FILES_RUN_BY)])(
    'or block of %s is run by a test that reads it',
    (document, spec) => {
      expect(read(spec)).toContain(document.slice(document.lastIndexOf('/') + 1));
    },
  );
});

describe('a block of README or a guide', () => {
  const shown = blocks.filter((block) => /^(README\.md|docs\/guides\/)/.test(block.where));

  it('is taken from code that is run, run by a spec, or listed with the reason why not', () => {
    expect(shown.length).toBeGreaterThan(60);
    const unaccounted = shown.filter((block) => isToBeRun(block) && !(documentOf(block) in RUN_BY));
    expect(unaccounted.map(({ where }) => where)).toEqual([]);
  });

  it.each(NOT_RUN)('that is not run is there: $document, $starts', ({ document, starts }) => {
    const listed = shown.filter((block) => documentOf(block) === document && firstLineOf(block) === starts);
    expect(listed).toHaveLength(1);
  });
});
