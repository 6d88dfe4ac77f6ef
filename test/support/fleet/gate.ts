import type { QueryRunner } from 'typeorm';
import { type Migration } from '../../../src/database/table-migrations/migration-names.js';
import { soon } from '../load/soon.js';
import { expect } from '@jest/globals';
import { migration } from '../tables/migration-fixture.js';

/** A migration that stops on its way until it is let through. */
export class Gate {
  /** How often it ran, how often it was let through to its end. */
  arrived = 0;
  passed = 0;
  private letThrough!: () => void;
  private readonly opened = new Promise<void>((resolve) => (this.letThrough = resolve));

  /** @param stops whether it stops for the so many-th that arrives, counted from 1 */
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
    this.letThrough();
  }
}
