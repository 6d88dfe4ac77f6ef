import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { minorUnits } from './amounts.js';
import { Order } from './order.entity.js';

/** Part of an order: lines are only inserted and replaced together with it. */
@Entity('order_lines')
export class OrderLine {
  @PrimaryColumn('uuid', { name: 'order_id' })
  orderId: string;

  /** Zero-based, in the order of the request. */
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
