import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { NotesModule } from './notes/notes.module';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.APP_DATABASE_URL,
      autoLoadEntities: true,
      synchronize: true,
    }),
    NotesModule, // and their tags
  ],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
