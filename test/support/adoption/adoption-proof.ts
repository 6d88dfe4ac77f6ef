import { expect } from '@jest/globals';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { checkTenantIsolation } from '../../../src/testing/isolation/check-tenant-isolation.js';
import { lineOf } from '../../../src/testing/isolation/finding.js';
import type { TestDatabase } from '../postgres/postgres.js';
import { asSuperuser } from '../postgres/postgres.js';
import { AdoptedApp } from './adopted-app.js';
import { AdoptionRig } from './adoption-rig.js';
import { FormerApplication, type Trade } from './former-application.js';
import { killAtEachKind, writeModule } from './killed-command.js';
import { largeSql, THINGS } from './large-application.js';
import { catalogSnapshot, rowHashes } from './snapshot.js';

/** One of the adopted tables; the others have no entity. */
@Entity('tickets')
class Ticket {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column('text') number: string;
}

/** The same of shared tables. */
@Entity('tickets')
class CompanyTicket {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column('integer', { name: 'company_id' }) companyId: number;
  @Column('text') number: string;
}

interface ProofPlace {
  readonly prefix: string;
  readonly schema: string;
  readonly companies?: number;
  readonly rows: number;
}

interface ProofOptions {
  readonly layout: 'row' | 'schema' | 'database';
  readonly places: readonly ProofPlace[];
}

/** What must hold of the adoption of one layout, at size, while its former application writes and the command is killed. */
export class AdoptionProof {
  private rig: AdoptionRig;
  private former: FormerApplication;
  private readonly databases = new Map<string, TestDatabase>();

  constructor(private readonly options: ProofOptions) {}

  async prepare(): Promise<void> {
    this.rig = await AdoptionRig.create();
    for (const { prefix, schema, companies, rows } of this.options.places) {
      const database = this.databases.get(prefix) ?? (await this.rig.existing('SELECT 1', prefix));
      this.databases.set(prefix, database);
      const owner = await this.rig.owner(database);
      const sql = largeSql({ rows, ...(companies !== undefined && { companies }) });
      await owner.query(
        `${schema === 'public' ? '' : `CREATE SCHEMA ${schema};`} SET search_path = ${schema}; ${sql}; ANALYZE`,
      );
      await owner.end();
    }
    const [first] = this.databases.values();
    this.former = await FormerApplication.create(
      `${first?.name}_old`,
      Array.from(this.databases, ([prefix, { name }]) => ({
        database: name,
        schemas: this.options.places.filter((place) => place.prefix === prefix).map(({ schema }) => schema),
      })),
    );
  }

  async drop(): Promise<void> {
    await this.rig.drop();
    await asSuperuser('postgres', `DROP ROLE ${this.former.role}`);
  }

  async run(): Promise<void> {
    const before = await this.catalogs();
    await this.plan();
    this.rig.use(this.entity);
    this.rig.registerMigration();
    writeModule(this.rig);

    const alone = await this.measured(() => new Promise((resolve) => setTimeout(resolve, 5_000)));
    const adopting = await this.measured(async () => {
      const killed = await killAtEachKind(this.rig, 'adopt', 'run');
      console.log(`${this.options.layout}: run killed at ${killed.join(', ')}`);
      expect(killed.length).toBeGreaterThanOrEqual(this.options.layout === 'row' ? 10 : 6);
    });
    const rows = await this.hashes();
    const undone = await this.measured(async () => {
      const killed = await killAtEachKind(this.rig, 'adopt', 'undo', '--yes');
      console.log(`${this.options.layout}: undo killed at ${killed.join(', ')}`);
    }, false);
    expect(undone).toBeDefined();
    expect(await this.catalogs()).toEqual(before);
    expect(await this.hashes()).toEqual(rows);

    const again = await this.measured(async () => {
      await this.rig.succeed('adopt', 'run');
    });
    await killAtEachKind(this.rig, 'adopt', 'finish', '--yes');
    console.log(
      `${this.options.layout}: longest statement and longest wait for a lock of the former application, in ms: alone ${alone}; while it is adopted, with kills ${adopting}; again without ${again}; statements: ${this.former.statements}`,
    );
    expect(this.former.failures).toEqual([]);
    expect(this.former.longestLockWaitMs).toBeLessThan(2_000);
    await this.expectServed();
  }

  async isolationFindings(): Promise<readonly string[]> {
    const app = await AdoptedApp.start(this.rig, this.entity);
    try {
      const { layout } = this.options;
      const tables: Readonly<Record<string, 'shared'>> = layout === 'row' ? { currencies: 'shared' } : {};
      const findings = await checkTenantIsolation(app.nest, {
        isolation: layout,
        classify: { tables },
        // Of shared tables, currencies is none of a tenant's; in a schema or database of a tenant it is the tenant's own.
        rows: layout === 'row' ? Object.fromEntries(THINGS.map((thing) => [thing, () => ({ currency: 'EUR' })])) : {},
        answerTimeoutMs: 1_000,
      });
      return findings.map(lineOf);
    } finally {
      await app.stop();
    }
  }

  private get entity(): typeof Ticket | typeof CompanyTicket {
    return this.options.layout === 'row' ? CompanyTicket : Ticket;
  }

  private async plan(): Promise<void> {
    const { layout } = this.options;
    const [first] = this.databases.values();
    const names = Array.from(this.databases.values(), ({ name }) => `SELECT '${name}' AS database, '${name}' AS slug`);
    const how = {
      row: ['--tenant-column', 'company_id'],
      schema: ['--pattern', '^customer_(.+)$'],
      database: ['--tenants', names.join(' UNION ALL ')],
    }[layout];
    const plan = await this.rig.succeed('adopt', '--layout', layout, '--database', first?.name ?? '', ...how);
    expect(plan.stdout).toContain('findings: 0 refused');
  }

  private trades(): Trade[] {
    return this.options.places.flatMap(({ prefix, schema, companies }) => {
      const { name: database } = this.databases.get(prefix)!;
      if (companies === undefined) return [{ database, schema }];
      return [1, 2, 3].map((company) => ({ database, schema, company }));
    });
  }

  /** Runs `work` while the former application writes, unless it must not. @returns its longest statement and lock wait */
  private async measured(work: () => Promise<void>, isTrading = true): Promise<string> {
    this.former.longestMs = 0;
    if (isTrading) this.former.start(this.trades());
    try {
      await work();
    } finally {
      if (isTrading) await this.former.stop();
    }
    return `${Math.round(this.former.longestMs)} and ${Math.round(this.former.longestLockWaitMs)}`;
  }

  private async expectServed(): Promise<void> {
    const { stdout } = await this.rig.cli('doctor', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { verdict: string }[] };
    expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    const { items } = (await this.rig.succeed('tenants', '--json', '--limit', '100')).json as {
      items: { slug: string }[];
    };
    const app = await AdoptedApp.start(this.rig, this.entity);
    try {
      for (const { slug } of items.slice(0, 3))
        expect((await (await app.callerOf(slug)).rows()).length).toBeGreaterThan(100);
    } finally {
      await app.stop();
    }
  }

  private async catalogs(): Promise<readonly object[]> {
    return this.withOwners((owner) => catalogSnapshot(owner));
  }

  private async hashes(): Promise<readonly object[]> {
    return this.withOwners(async (owner) => {
      const hashes: object[] = [];
      for (const schema of new Set(this.options.places.map((place) => place.schema))) {
        const { [`${schema}.schema_migrations`]: _record, ...rows } = await rowHashes(owner, schema);
        hashes.push(rows);
      }
      return hashes;
    });
  }

  private async withOwners<T>(work: (owner: Awaited<ReturnType<AdoptionRig['owner']>>) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    for (const database of this.databases.values()) {
      const owner = await this.rig.owner(database);
      try {
        results.push(await work(owner));
      } finally {
        await owner.end();
      }
    }
    return results;
  }
}
