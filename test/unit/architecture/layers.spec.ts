import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { DATABASE_ROOMS, LAYERS } from '../../../.dependency-cruiser.mjs';

const CHECKOUT = new URL('../../../', import.meta.url);
const architecture = readFileSync(new URL('docs/architecture.md', CHECKOUT), 'utf8');

/** The first column of the table with this heading: the names on each line. */
function column(heading: string): string[][] {
  const rows = architecture.split(new RegExp(`^\\| ${heading} +\\|.*\\n\\| -+.*\\n`, 'm'))[1]?.split('\n') ?? [];
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows
    .slice(0, end)
    .map((row) => Array.from(row.split('|')[1]?.matchAll(/`([^`]+)`/g) ?? [], ([, name]) => name ?? ''));
}

function entriesOf(folder: string): string[] {
  return readdirSync(fileURLToPath(new URL(folder, CHECKOUT)));
}

describe('the layers of src/', () => {
  it('are drawn in docs/architecture.md as npm run layers holds them', () => {
    expect(column('layer')).toEqual(LAYERS);
    expect(column('room')).toEqual(DATABASE_ROOMS.slice(1));
  });

  it('name every folder and file of src/ and src/database/, and nothing else', () => {
    expect(LAYERS.flat().toSorted()).toEqual(entriesOf('src/').toSorted());
    expect(DATABASE_ROOMS.flat().toSorted()).toEqual(entriesOf('src/database/').toSorted());
  });
});
