import type { QueryRunner } from 'typeorm';
import { type Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import { soon } from '../load/soon.js';
import { expect } from '@jest/globals';
import { migration } from '../tables/migration-fixture.js';

/** A migration that stops halfway until the gate is opened. */
export class Gate {
  /** How often it started, and how often it completed. */
  arrived = 0;
  passed = 0;
  private resolveOpened!: () => void;
  private readonly opened = new Promise<void>((resolve) => (this.resolveOpened = resolve));

  /** @param stops whether it stops at the given run, counted from 1 */
  migration(stops: (arrival: number) => boolean): Migration {
    return migration('Title1764000000002', async (runner: QueryRunner) => {
      this.arrived += 1;
      await runner.query('ALTER TABLE notes ADD COLUMN title text');
      if (stops(this.arrived)) await this.opened;
      await runner.query('SELECT 1');
      this.passed += 1;
    });
  }

  async reached(arrival: number): Promise<void> {
    await soon(async () => expect(this.arrived).toBe(arrival));
  }

  open(): void {
    this.resolveOpened();
  }
}
