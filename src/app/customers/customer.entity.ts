import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn, UpdateDateColumn, VersionColumn } from 'typeorm';

@Entity('customers')
export class Customer {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  /** Lower case; unique. */
  @Column('text')
  email: string;

  @Column('text')
  name: string;

  @VersionColumn()
  version: number;

  // Millisecond precision in the table as well: a Date holds no more, and page cursors must match stored values
  // exactly.
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', precision: 3 })
  updatedAt: Date;

  /** The code of a row of `countries`, which all tenants share. */
  @Column('text', { nullable: true })
  country: string | null = null;
}
