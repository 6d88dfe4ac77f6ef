import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { Customer } from '../customers/customer.entity.js';
import { minorUnits } from './amounts.js';
import { OrderLine } from './order-line.entity.js';

export const ORDER_STATUSES = ['draft', 'placed', 'paid', 'shipped', 'cancelled'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  /** Order number, assigned by the client; unique. */
  @Column('text')
  number: string;

  @Column('uuid', { name: 'customer_id' })
  customerId: string;

  @ManyToOne(() => Customer)
  @JoinColumn({ name: 'customer_id' })
  customer: Relation<Customer>;

  @Column('text')
  status: OrderStatus;

  /** ISO 4217 code, three letters. */
  @Column('text')
  currency: string;

  /** Sum of the lines, in minor units of the currency. */
  @Column('bigint', { transformer: minorUnits })
  total: number;

  @OneToMany(() => OrderLine, (line) => line.order)
  lines: Relation<OrderLine[]>;

  @VersionColumn()
  version: number;

  // Millisecond precision in the table as well: a Date holds no more, and page cursors must match stored values
  // exactly.
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', precision: 3 })
  updatedAt: Date;
}
