import { Controller, Get } from '@nestjs/common';
import { PricesService } from '@app/prices';

@Controller()
export class ShopController {
  constructor(private readonly prices: PricesService) {}

  @Get()
  getPrice(): string {
    return `shop: ${this.prices.withTax(100)}`;
  }
}
