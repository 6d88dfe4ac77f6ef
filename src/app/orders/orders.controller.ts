import { Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ReadFromReplica, RequireFeature } from '../../index.js';
import {
  ApiProblem,
  IdPipe,
  type Page,
  pageOf,
  pageQuery,
  type PageQuery,
  responseSchema,
  toPage,
  ValidBody,
  ValidQuery,
} from '../../rest.js';
import { orderSummary, type OrderSummary } from './order-summary.schema.js';
import {
  EXAMPLE_ORDER_ID,
  newOrder,
  type NewOrder,
  orderChange,
  type OrderChange,
  orderView,
  type OrderView,
  toOrderView,
} from './order.schemas.js';
import { OrdersService } from './orders.service.js';

const orderId = new IdPipe('order');

@ApiTags('orders')
@Controller('api/v1/orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get()
  @ApiOperation({ summary: 'List orders with their lines, newest first' })
  @ApiOkResponse(responseSchema(pageOf(orderView)))
  @ApiProblem('VALIDATION_FAILED')
  async list(@ValidQuery(pageQuery) query: PageQuery): Promise<Page<OrderView>> {
    return toPage(await this.orders.list(query), query, toOrderView);
  }

  @ReadFromReplica()
  @Get('summary')
  @RequireFeature('orderSummary')
  @ApiOperation({ summary: 'Count and total amount of orders by status and currency' })
  @ApiOkResponse(responseSchema(orderSummary))
  @ApiProblem('FEATURE_DISABLED', 'the tenant does not have the feature orderSummary')
  summary(): Promise<OrderSummary> {
    return this.orders.summary();
  }

  @Post()
  @ApiOperation({ summary: 'Create an order with its lines; the total is calculated' })
  @ApiCreatedResponse(responseSchema(orderView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('CONFLICT', 'another order has this number')
  async create(@ValidBody(newOrder) values: NewOrder): Promise<OrderView> {
    return toOrderView(await this.orders.create(values));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read an order with its lines' })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_ORDER_ID })
  @ApiOkResponse(responseSchema(orderView))
  @ApiProblem('NOT_FOUND', 'no such order')
  async read(@Param('id', orderId) id: string): Promise<OrderView> {
    return toOrderView(await this.orders.read(id));
  }

  @Patch(':id')
  @ApiOperation({
    summary: 'Change the status or replace the lines of an order, unless it has changed since it was read',
  })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_ORDER_ID })
  @ApiOkResponse(responseSchema(orderView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such order')
  @ApiProblem('CONFLICT', 'the order has changed since it was read')
  async change(@Param('id', orderId) id: string, @ValidBody(orderChange) change: OrderChange): Promise<OrderView> {
    return toOrderView(await this.orders.change(id, change));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an order and its lines' })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_ORDER_ID })
  @ApiNoContentResponse()
  @ApiProblem('NOT_FOUND', 'no such order')
  async delete(@Param('id', orderId) id: string): Promise<void> {
    await this.orders.delete(id);
  }
}
