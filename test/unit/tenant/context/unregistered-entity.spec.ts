import { expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Column, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { InjectTenantRepository } from '../../../../src/index.js';

@Entity('notes')
class Note {
  @PrimaryColumn('int') id: number;
  @Column('text') text: string;
}

@Injectable()
class Notes {
  constructor(@InjectTenantRepository(Note) readonly notes: Repository<Note>) {}
}

@Module({ providers: [Notes] })
class NotesModule {}

it('an entity that no module has registered is refused with what to add', async () => {
  const starting = NestFactory.createApplicationContext(NotesModule, { logger: false, abortOnError: false });
  await expect(starting).rejects.toThrow('add it to TenantryModule.forFeature({ entities: [Note] })');
});
