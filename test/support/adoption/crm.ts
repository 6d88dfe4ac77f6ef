import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';

/** The tables of one customer of a CRM that gives each a schema, or a database. */
export function crmSql(deals: number): string {
  return `
    CREATE TABLE contacts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE, name text);
    CREATE TABLE deals (id serial PRIMARY KEY, contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE, title text NOT NULL, amount integer NOT NULL DEFAULT 0);
    CREATE INDEX deals_contact_id_idx ON deals (contact_id);
    INSERT INTO contacts (email) SELECT 'c' || n || '@example.com' FROM generate_series(1, 3) n;
    INSERT INTO deals (contact_id, title) SELECT (SELECT id FROM contacts ORDER BY email LIMIT 1), current_schema() || ' ' || current_database() || ' ' || n FROM generate_series(1, ${deals}) n;`;
}

@Entity('contacts')
@Unique(['email'])
export class Contact {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') email: string;
  @Column('text', { nullable: true }) name: string | null;
}

@Entity('deals')
export class Deal {
  @PrimaryGeneratedColumn() id: number;
  @Column('uuid', { name: 'contact_id' }) contactId: string;
  @ManyToOne(() => Contact, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'contact_id' })
  contact: Relation<Contact>;
  @Column('text') title: string;
  @Column('integer', { default: 0 }) amount: number;
}
