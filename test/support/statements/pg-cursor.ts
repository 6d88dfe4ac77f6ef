import { createRequire } from 'node:module';
import type pg from 'pg';

/** pg-cursor has no types; it is a dependency of pg-query-stream. */
export interface Cursor extends pg.Submittable {
  read(rows: number): Promise<unknown[]>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);
const CursorClass = require('pg-cursor') as new (text: string) => Cursor;

export function newCursor(text: string): Cursor {
  return new CursorClass(text);
}
