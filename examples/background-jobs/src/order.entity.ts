import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column('integer') cents!: number;
  /** Null until the job has written it. */
  @Column('text', { nullable: true }) receipt!: string | null;
}
