import { randomUUID } from 'node:crypto';
import { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { App } from 'supertest/types';
import { AppModule } from './../src/app.module';
import { Role } from './../src/users/membership.entity';
import { UsersService } from './../src/users/users.service';

describe('the application (e2e)', () => {
  let app: INestApplication<App>;

  async function signIn(roles: Record<string, Role>): Promise<string> {
    const login = { email: `${randomUUID()}@example.com`, password: 'correct horse' };
    await app.get(UsersService).create(login.email, login.password, roles);
    const { body } = await request(app.getHttpServer()).post('/auth/login').send(login).expect(200);
    return (body as { token: string }).token;
  }

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication();
    await app.init();
  });
  afterAll(() => app.close());

  it('greets', () => request(app.getHttpServer()).get('/').expect(200).expect('Hello World!'));

  it('lists projects to signed-in users only', () => request(app.getHttpServer()).get('/projects').expect(401));

  it('has one list of projects for all users', async () => {
    const [ada, eve] = [await signIn({ acme: 'admin' }), await signIn({ initech: 'member' })];
    const project = { name: `Roof ${randomUUID()}`, tasks: ['Measure'] };
    await request(app.getHttpServer()).post('/projects').auth(ada, { type: 'bearer' }).send(project).expect(201);
    const { body } = await request(app.getHttpServer()).get('/projects').auth(eve, { type: 'bearer' }).expect(200);
    expect(body).toContainEqual(expect.objectContaining({ name: project.name }));
  });
});
