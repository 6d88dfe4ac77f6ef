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

  it('keeps the projects of companies apart', async () => {
    const [ada, eve] = [await signIn({ acme: 'admin' }), await signIn({ initech: 'member' })];
    const project = { name: `Roof ${randomUUID()}`, tasks: ['Measure'] };
    await request(app.getHttpServer()).post('/projects').auth(ada, { type: 'bearer' }).send(project).expect(201);
    expect(await namesOf(ada, 'acme')).toContain(project.name);
    expect(await namesOf(eve, 'initech')).not.toContain(project.name);
  });

  it('lets a user of two companies choose by X-Tenant-ID', async () => {
    const [ada, bob] = [await signIn({ acme: 'admin', globex: 'member' }), await signIn({ globex: 'admin' })];
    const name = `Bridge ${randomUUID()}`;
    await request(app.getHttpServer()).post('/projects').auth(bob, { type: 'bearer' }).send({ name }).expect(201);
    expect(await namesOf(ada, 'globex')).toContain(name);
    expect(await namesOf(ada, 'acme')).not.toContain(name);
    await request(app.getHttpServer()).get('/projects').auth(ada, { type: 'bearer' }).expect(403);
  });

  it('answers 403 to a user who is no member', async () => {
    const eve = await signIn({ initech: 'member' });
    const list = request(app.getHttpServer()).get('/projects').auth(eve, { type: 'bearer' });
    await list.set('X-Tenant-ID', 'acme').expect(403);
  });

  async function namesOf(token: string, company: string): Promise<string[]> {
    const list = request(app.getHttpServer()).get('/projects').auth(token, { type: 'bearer' });
    const { body } = await list.set('X-Tenant-ID', company).expect(200);
    return (body as { name: string }[]).map(({ name }) => name);
  }
});
