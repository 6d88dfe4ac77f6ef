import { Module } from '@nestjs/common';
import { Column, Entity, JoinColumn, ManyToOne, OneToMany, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import { createReferenceTable, createTenantTable, TenantryModule } from '../../../src/index.js';
import { migration } from '../tables/migration-fixture.js';

@Entity('countries')
export class Country {
  @PrimaryColumn('text') code: string;
  @Column('text') name: string;
  @OneToMany(() => Supplier, (supplier) => supplier.country)
  suppliers?: Supplier[];
}

@Entity('suppliers')
export class Supplier {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') name: string;
  @Column('text') countryCode: string;
  @ManyToOne(() => Country, (country) => country.suppliers)
  @JoinColumn({ name: 'countryCode' })
  country?: Country;
}

const CREATE_COUNTRIES = migration('CreateCountries1764200000000', async (runner) => {
  await createReferenceTable(runner, 'countries', {
    columns: { code: 'text NOT NULL', name: 'text NOT NULL', number: 'serial' },
    primaryKey: ['code'],
    unique: [['name']],
    checks: { code: `code ~ '^[A-Z]{2}$'` },
  });
  await runner.query('CREATE INDEX countries_name_idx ON countries (name text_pattern_ops)');
  await runner.query(`INSERT INTO countries (code, name) VALUES ('DE', 'Germany'), ('FR', 'France')`);
});

const CREATE_SUPPLIERS = migration('CreateSuppliers1764200001000', (runner) =>
  createTenantTable(runner, 'suppliers', {
    columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', name: 'text NOT NULL', countryCode: 'text NOT NULL' },
    foreignKeys: [{ columns: ['countryCode'], references: { referenceTable: 'countries', columns: ['code'] } }],
    indexes: [['countryCode']],
  }),
);

/** A reference table, and a tenant table that refers to it. */
export const COUNTRIES_FEATURE = {
  entities: [Supplier],
  referenceEntities: [Country],
  migrations: [CREATE_COUNTRIES, CREATE_SUPPLIERS],
};

@Module({ imports: [TenantryModule.forFeature(COUNTRIES_FEATURE)] })
export class CountriesModule {}
