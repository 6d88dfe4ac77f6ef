import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const CHECKOUT = new URL('../../../', import.meta.url);
const read = (file: string): string[] => readFileSync(new URL(file, CHECKOUT), 'utf8').split('\n');

/** Of each instruction its name and the rest; a backslash joins lines. */
function instructions(file: string): { readonly name: string; readonly rest: string }[] {
  const text = read(file)
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\s*\\\n\s*/g, ' ');
  return [...text.matchAll(/^([A-Z]+)\s+(.*)$/gm)].map(([, name = '', rest = '']) => ({ name, rest }));
}

const all = (file: string, name: string): string[] =>
  instructions(file).flatMap((found) => (found.name === name ? found.rest : []));

const FILES = ['Dockerfile', 'ops/pgbouncer/Dockerfile'];

describe.each(FILES)('the image of %s', (file) => {
  it('pins a version of every base image', () => {
    for (const from of all(file, 'FROM')) expect(from).toMatch(/^[a-z]+:(?!latest)[\w.${}-]+/);
  });

  it('runs as a numeric user other than root', () => {
    expect(all(file, 'USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('starts its program without a shell, so that the program receives signals', () => {
    expect(() => JSON.parse(all(file, 'ENTRYPOINT').join())).not.toThrow();
  });

  it('checks its health without a shell', () => {
    const [check = ''] = all(file, 'HEALTHCHECK');
    expect(JSON.parse(check.slice(check.indexOf('CMD') + 3))).toContainEqual(expect.stringContaining('127.0.0.1'));
  });

  it('contains no secret', () => {
    for (const line of [...all(file, 'ENV'), ...all(file, 'ARG')])
      expect(line).not.toMatch(/PASSWORD|KEY|SECRET|TOKEN|URL/);
  });
});

it('the image of PgBouncer has a version without known faults', () => {
  const [, major, minor, patch] =
    /^PGBOUNCER_VERSION=(\d+)\.(\d+)\.(\d+)$/.exec(all(FILES[1] ?? '', 'ARG')[0] ?? '') ?? [];
  expect([major, minor, patch].map(Number).reduce((sum, part) => sum * 1_000 + part, 0)).toBeGreaterThanOrEqual(
    1_026_001,
  );
});

describe('the Docker build context', () => {
  const allowed = read('.dockerignore')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));

  it('contains only paths that .dockerignore lists', () => {
    const rules = read('.dockerignore').filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    expect(rules.slice(1)).toEqual(allowed.map((path) => `!${path}`));
  });

  it('contains exactly the existing paths that the Dockerfile copies', () => {
    const copied = all('Dockerfile', 'COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
    expect([...new Set(copied)].toSorted()).toEqual(allowed.toSorted());
    for (const path of allowed) expect(existsSync(new URL(path, CHECKOUT))).toBe(true);
  });
});

it('the health check of the image calls the liveness probe on the port of the application', () => {
  const [check = ''] = all('Dockerfile', 'HEALTHCHECK');
  expect(check).toContain('${process.env.PORT || 3000}/health/live');
  expect(all('Dockerfile', 'EXPOSE')).toEqual(['3000']);
});
