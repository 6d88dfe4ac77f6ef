import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import {
  Args,
  Field,
  ID,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { EventEmitter, on } from 'node:events';
import { type ApiKeyPrincipal, ControlPlane, Public, TenantContext, TenantScoped } from 'tenantry';
import { Note } from './note.js';
import { NotesService } from './notes.service.js';

/** A guard of the application: it reads who the caller is. */
@Injectable()
class HasApiKey implements CanActivate {
  constructor(private readonly context: TenantContext) {}

  canActivate(_context: ExecutionContext): boolean {
    return this.context.current<ApiKeyPrincipal>().principal?.kind === 'api-key';
  }
}

/** As in the connections of Relay: an object that is no entity, around one. */
@ObjectType()
class NoteEdge {
  @Field(() => Note, { nullable: true })
  node: Note | undefined;
}

export const added = new EventEmitter().setMaxListeners(0);

@TenantScoped()
@Resolver(() => Note)
export class NotesResolver {
  constructor(private readonly notes: NotesService) {}

  @UseGuards(HasApiKey)
  @Query(() => [Note])
  async myNotes(): Promise<Note[]> {
    return this.notes.list();
  }

  @Query(() => String)
  tenant(): string {
    return this.notes.tenant;
  }

  @Query(() => Note, { nullable: true })
  note(@Args('id', { type: () => ID }) id: string): Promise<Note | undefined> {
    return this.notes.loader().load(id);
  }

  @Query(() => Note, { nullable: true })
  noteOfSharedLoader(@Args('id', { type: () => ID }) id: string): Promise<Note | undefined> {
    return this.notes.sharedLoader.load(id);
  }

  @Query(() => [NoteEdge])
  async edgesOfSharedLoader(@Args('id', { type: () => ID }) id: string): Promise<NoteEdge[]> {
    return [{ node: await this.notes.sharedLoader.load(id) }];
  }

  @Mutation(() => Note)
  async addNote(@Args('text') text: string): Promise<Note> {
    const note = await this.notes.add(text);
    added.emit('note', note);
    return note;
  }

  /** The number of the tenant's notes, counted at every event. */
  @Subscription(() => Int, {
    resolve(this: NotesResolver) {
      return this.notes.count();
    },
  })
  noteCount(): AsyncIterator<unknown> {
    return on(added, 'note');
  }

  /** A resolver of a field: Nest runs neither guards nor interceptors of it. */
  @ResolveField(() => String)
  async owner(@Parent() _note: Note): Promise<string> {
    await this.notes.count();
    return this.notes.tenant;
  }
}

@Resolver()
export class OtherResolver {
  @Public()
  @Query(() => String)
  hello(): string {
    return 'world';
  }

  @ControlPlane()
  @Query(() => String)
  operators(): string {
    return 'for operators';
  }
}
