import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { minorUnits } from './amounts.js';
import { Order } from './order.entity.js';

/** A line has no life of its own: it is written and replaced with its order. */
@Entity('order_lines')
export class OrderLine {
  @PrimaryColumn('uuid', { name: 'order_id' })
  orderId: string;

  /** From 0, in the order the lines were given. */
  @PrimaryColumn('integer')
  position: number;

  @ManyToOne(() => Order, (order) => order.lines, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'order_id' })
  order: Relation<Order>;

  @Column('text')
  description: string;

  @Column('integer')
  quantity: number;

  /** In minor units of the order's currency. */
  @Column('bigint', { name: 'unit_price', transformer: minorUnits })
  unitPrice: number;
}
