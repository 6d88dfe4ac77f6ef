import { Module } from '@nestjs/common';
import { PricesModule } from '@app/prices';
import { ShopController } from './shop.controller';

@Module({
  imports: [PricesModule],
  controllers: [ShopController],
})
export class ShopModule {}
