import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  Unique,
} from 'typeorm';
import { Notebook } from './notebook.entity';
import { Tag } from './tag.entity';

export enum NoteStatus {
  Draft = 'draft',
  Published = 'published',
}

@Entity()
@Unique(['notebook', 'title'])
export class Note {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column({ length: 200 })
  title: string;

  @Column('text', { nullable: true })
  body: string | null;

  @Index()
  @Column({ type: 'enum', enum: NoteStatus, default: NoteStatus.Draft })
  status: NoteStatus;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt: Date;

  @ManyToOne(() => Notebook, (notebook) => notebook.notes, { onDelete: 'CASCADE' })
  notebook: Notebook;

  @ManyToMany(() => Tag)
  @JoinTable()
  tags: Tag[];
}
