import { randomUUID } from 'node:crypto';
import { INestApplication } from '@nestjs/common';
import { Test, TestingModule } from '@nestjs/testing';
import request from 'supertest';
import { App } from 'supertest/types';
import { AppModule } from './../src/app.module';

describe('AppController (e2e)', () => {
  let app: INestApplication<App>;

  beforeAll(async () => {
    const moduleFixture: TestingModule = await Test.createTestingModule({
      imports: [AppModule],
    }).compile();

    app = moduleFixture.createNestApplication();
    await app.init();
  });

  it('/ (GET)', () => {
    return request(app.getHttpServer()).get('/').expect(200).expect('Hello World!');
  });

  it('/notes (POST)', async () => {
    const note = { notebook: randomUUID(), title: 'Roof' };
    await request(app.getHttpServer()).post('/notes').send(note).expect(201);
    const { body } = await request(app.getHttpServer()).get('/notes').expect(200);
    expect(body).toContainEqual(expect.objectContaining({ title: 'Roof', status: 'draft' }));
  });

  afterAll(async () => {
    await app.close();
  });
});
