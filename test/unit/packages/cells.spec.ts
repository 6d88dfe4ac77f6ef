import { describe, expect, it } from '@jest/globals';
import { allCells, AXES, coveringCells, nameOf, pairsOf, TYPESCRIPTS } from '../../packages/cells.mjs';

const cells = coveringCells();

/** Every value of every axis with every value of every other one, without asking the code under test. */
function everyPair(): string[] {
  const axes = Object.entries(AXES);
  return axes.flatMap(([axis, values], index) =>
    axes
      .slice(index + 1)
      .flatMap(([other, otherValues]) =>
        values.flatMap((value) => otherValues.map((otherValue) => `${axis}=${value} ${other}=${otherValue}`)),
      ),
  );
}

describe('the combinations that the packed package is tried in', () => {
  it('contain every pair of a NestJS, an HTTP adapter, a module format, a TypeORM and a Node', () => {
    const covered = new Set(cells.flatMap(pairsOf));
    expect(everyPair().filter((pair) => !covered.has(pair))).toEqual([]);
  });

  it('are about ten, of all that exist', () => {
    expect(cells.length).toBeLessThanOrEqual(10);
    expect(new Set(allCells().map(nameOf)).size).toBe(allCells().length);
    expect(allCells().map(nameOf)).toEqual(expect.arrayContaining(cells.map(nameOf)));
  });

  it('compile with each TypeScript at least twice, TypeScript 5.4 in both formats', () => {
    for (const version of TYPESCRIPTS) {
      const using = cells.filter(({ typescript }) => typescript === version);
      expect(using.length).toBeGreaterThanOrEqual(2);
    }
    const formats = cells.filter(({ typescript }) => typescript === '5.4').map(({ format }) => format);
    expect(new Set(formats)).toEqual(new Set(['cjs', 'esm']));
  });

  it('leave NestJS 12 in CommonJS to a Node whose Jest can load it', () => {
    const commonJs = allCells().filter(({ nest, format }) => nest === '12' && format === 'cjs');
    expect(new Set(commonJs.map(({ node }) => node))).toEqual(new Set(['24']));
  });
});
