import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The same for all tenants: they read the rows, and none writes them. */
@Entity('countries')
export class Country {
  /** ISO 3166-1 alpha-2. */
  @PrimaryColumn('text')
  code: string;

  @Column('text')
  name: string;
}
