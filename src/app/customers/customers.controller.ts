import { Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
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
import {
  customerChange,
  type CustomerChange,
  customerView,
  type CustomerView,
  EXAMPLE_CUSTOMER_ID,
  newCustomer,
  type NewCustomer,
  toCustomerView,
} from './customer.schemas.js';
import { CustomersService } from './customers.service.js';

const customerId = new IdPipe('customer');

@ApiTags('customers')
@Controller('api/v1/customers')
export class CustomersController {
  constructor(private readonly customers: CustomersService) {}

  @Get()
  @ApiOperation({ summary: 'List customers, newest first' })
  @ApiOkResponse(responseSchema(pageOf(customerView)))
  @ApiProblem('VALIDATION_FAILED')
  async list(@ValidQuery(pageQuery) query: PageQuery): Promise<Page<CustomerView>> {
    return toPage(await this.customers.list(query), query, toCustomerView);
  }

  @Post()
  @ApiOperation({ summary: 'Create a customer' })
  @ApiCreatedResponse(responseSchema(customerView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('CONFLICT', 'another customer has this email')
  async create(@ValidBody(newCustomer) values: NewCustomer): Promise<CustomerView> {
    return toCustomerView(await this.customers.create(values));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a customer' })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_CUSTOMER_ID })
  @ApiOkResponse(responseSchema(customerView))
  @ApiProblem('NOT_FOUND', 'no such customer')
  async read(@Param('id', customerId) id: string): Promise<CustomerView> {
    return toCustomerView(await this.customers.read(id));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a customer, unless it has changed since it was read' })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_CUSTOMER_ID })
  @ApiOkResponse(responseSchema(customerView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such customer')
  @ApiProblem('CONFLICT', 'the customer has changed since it was read')
  async change(
    @Param('id', customerId) id: string,
    @ValidBody(customerChange) change: CustomerChange,
  ): Promise<CustomerView> {
    return toCustomerView(await this.customers.change(id, change));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a customer without orders' })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_CUSTOMER_ID })
  @ApiNoContentResponse()
  @ApiProblem('NOT_FOUND', 'no such customer')
  @ApiProblem('CONFLICT', 'the customer has orders')
  async delete(@Param('id', customerId) id: string): Promise<void> {
    await this.customers.delete(id);
  }
}
