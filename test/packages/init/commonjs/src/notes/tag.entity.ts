import { Entity, PrimaryColumn } from 'typeorm';

@Entity()
export class Tag {
  @PrimaryColumn({ length: 50 })
  name: string;
}
