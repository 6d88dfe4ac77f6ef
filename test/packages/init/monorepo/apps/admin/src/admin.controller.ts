import { Controller, Get } from '@nestjs/common';
import { PricesService } from '@app/prices';

@Controller()
export class AdminController {
  constructor(private readonly prices: PricesService) {}

  @Get()
  getPrice(): string {
    return `admin: ${this.prices.withTax(100)}`;
  }
}
