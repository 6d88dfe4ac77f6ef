import { Module } from '@nestjs/common';
import { PricesModule } from '@app/prices';
import { AdminController } from './admin.controller';

@Module({
  imports: [PricesModule],
  controllers: [AdminController],
})
export class AdminModule {}
