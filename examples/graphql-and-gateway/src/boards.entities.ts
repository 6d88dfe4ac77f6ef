import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@ObjectType()
@Entity('boards')
export class Board {
  @Field(() => ID)
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Field(() => String)
  @Column('text')
  name!: string;
}

@ObjectType()
@Entity('cards')
export class Card {
  @Field(() => ID)
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'board_id' })
  boardId!: string;

  @Field(() => String)
  @Column('text')
  title!: string;

  @Field(() => Boolean)
  @Column('boolean', { default: false })
  done!: boolean;
}
