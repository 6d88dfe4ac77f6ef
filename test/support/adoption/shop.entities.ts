import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  Unique,
} from 'typeorm';

@Entity('companies')
@Unique(['slug'])
export class Company {
  @PrimaryGeneratedColumn() id: number;
  @Column('text') name: string;
  @Column('text') slug: string;
}

@Entity('customers')
@Unique(['companyId', 'email'])
export class Customer {
  @PrimaryGeneratedColumn() id: number;
  @Column('integer', { name: 'company_id' }) companyId: number;
  @Column('text') email: string;
  @Column('text', { nullable: true }) country: string | null;
}

@Entity('orders')
@Unique(['companyId', 'number'])
@Index(['customer'])
export class ShopOrder {
  @PrimaryGeneratedColumn() id: number;
  @Column('integer', { name: 'company_id' }) companyId: number;
  @ManyToOne(() => Customer, { nullable: true, onDelete: 'SET NULL' })
  @JoinColumn({ name: 'customer_id' })
  customer: Relation<Customer> | null;
  @Column('text') number: string;
  @Column('enum', { enum: ['open', 'paid'], default: 'open' }) status: 'open' | 'paid';
  @Column('numeric', { precision: 10, scale: 2, default: 0 }) total: string;
  @Column('timestamptz', { name: 'placed_at', default: () => 'now()' }) placedAt: Date;
  @OneToMany(() => OrderLine, (line) => line.order) lines: Relation<OrderLine[]>;
}

@Entity('order_lines')
export class OrderLine {
  @PrimaryColumn('integer', { name: 'order_id' }) orderId: number;
  @PrimaryColumn('integer') line: number;
  @Column('text') article: string;
  @ManyToOne(() => ShopOrder, (order) => order.lines, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'order_id' })
  order: Relation<ShopOrder>;
}
