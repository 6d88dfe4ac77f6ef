import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Project } from './project.entity';
import { Task } from './task.entity';

@Injectable()
export class ProjectsService {
  constructor(
    @InjectRepository(Project) private readonly projects: Repository<Project>,
    @InjectRepository(Task) private readonly tasks: Repository<Task>,
  ) {}

  list(): Promise<Project[]> {
    return this.projects.find({ relations: { tasks: true }, order: { name: 'ASC', tasks: { title: 'ASC' } } });
  }

  async find(id: string): Promise<Project> {
    const project = await this.projects.findOne({ where: { id }, relations: { tasks: true } });
    if (!project) throw new NotFoundException();
    return project;
  }

  create(name: string, titles: string[] = []): Promise<Project> {
    return this.projects.save({ name, tasks: titles.map((title) => ({ title })) });
  }

  async complete(taskId: string): Promise<void> {
    const { affected } = await this.tasks.update({ id: taskId }, { done: true });
    if (affected !== 1) throw new NotFoundException();
  }

  async remove(id: string): Promise<void> {
    await this.projects.delete({ id });
  }
}
