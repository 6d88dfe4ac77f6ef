import { Field, ID, ObjectType } from '@nestjs/graphql';
import { createTenantTable, dropTenantTable } from 'tenantry';
import { Column, Entity, type MigrationInterface, PrimaryGeneratedColumn, type QueryRunner } from 'typeorm';

@ObjectType()
@Entity('notes')
export class Note {
  @Field(() => ID)
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Field()
  @Column('text')
  text: string;
}

export class CreateNotes1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'notes', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' },
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'notes');
  }
}
