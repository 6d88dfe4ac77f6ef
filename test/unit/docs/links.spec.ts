import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { anchorsOf, linksOf } from '../../support/docs/links.js';

const ROOT = new URL('../../../', import.meta.url);
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`),
  ),
];

function read(url: URL): string {
  return readFileSync(url, 'utf8');
}

/** What is wrong with a link; undefined if it leads somewhere. */
function faultOf(link: string, document: string): string | undefined {
  const target = new URL(link, new URL(document, ROOT));
  const { hash } = target;
  target.hash = '';
  if (!existsSync(target)) return `${link}: no such file`;
  if (hash === '' || !statSync(target).isFile() || !target.pathname.endsWith('.md')) return undefined;
  return anchorsOf(read(target)).has(hash.slice(1)) ? undefined : `${link}: no such heading`;
}

it.each(DOCUMENTS)('every link within the repository leads somewhere: %s', (document) => {
  const faults = linksOf(read(new URL(document, ROOT))).map((link) => faultOf(link, document));
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
});

it.each(DOCUMENTS)('every spec that it names exists: %s', (document) => {
  const named =
    read(new URL(document, ROOT)).match(/\btest\/(?:unit|integration|e2e|soak|packages)\/[\w/.-]+\.spec\.ts\b/g) ?? [];
  expect(named.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
});

describe('the index of the guides', () => {
  const index = linksOf(read(new URL('docs/guides/README.md', ROOT)));
  const guides = readdirSync(new URL('docs/guides', ROOT)).filter((name) => name !== 'README.md');

  it('names every guide once', () => {
    expect(index.filter((link) => guides.includes(link)).toSorted()).toEqual(guides.toSorted());
  });

  it('is linked from README', () => {
    expect(linksOf(read(new URL('README.md', ROOT)))).toContain('docs/guides/README.md');
  });
});
