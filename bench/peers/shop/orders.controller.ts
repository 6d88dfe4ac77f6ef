import { Body, Controller, Get, NotFoundException, Param, Post, Query, Req } from '@nestjs/common';
import { createOrder, listOrders, readOrder } from './queries.js';
import {
  isId,
  newOrder,
  type NewOrder,
  type OrderView,
  type Page,
  pageQuery,
  type PageQuery,
  toOrderView,
  toPage,
} from './schemas.js';
import { type IdentifiedRequest, Sources } from './sources.js';

@Controller('api/v1/orders')
export class OrdersController {
  constructor(private readonly sources: Sources) {}

  @Get()
  async list(@Req() { holder }: IdentifiedRequest, @Query({ schema: pageQuery }) query: PageQuery): Promise<Page> {
    return toPage(await this.sources.use(holder, (source) => listOrders(source, query)), query);
  }

  @Get(':id')
  async read(@Req() { holder }: IdentifiedRequest, @Param('id') id: string): Promise<OrderView> {
    if (!isId(id)) throw new NotFoundException();
    const order = await this.sources.use(holder, (source) => readOrder(source, id));
    if (!order) throw new NotFoundException();
    return toOrderView(order);
  }

  @Post()
  async create(@Req() { holder }: IdentifiedRequest, @Body({ schema: newOrder }) values: NewOrder): Promise<OrderView> {
    return toOrderView(await this.sources.use(holder, (source) => createOrder(source, values)));
  }
}
