import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';
import { UsersService } from './users/users.service';

/** `npm run seed`: three users of three companies. */
async function seed() {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const users = app.get(UsersService);
  await users.create('ada@example.com', 'correct horse', { acme: 'admin', globex: 'member' });
  await users.create('bob@example.com', 'battery staple', { globex: 'admin' });
  await users.create('eve@example.com', 'hunter2hunter2', { initech: 'member' });
  await app.close();
}
void seed();
