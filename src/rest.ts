/** What REST controllers import from `tenantry/rest`: validated input, pages, documented errors. Its peer is `@nestjs/swagger`. */
export { ApiProblem } from './http/problems/api-problem.decorator.js';
export { boundedText } from './http/input/bounded-text.js';
export { type DocumentedSchema, responseSchema } from './http/input/documented-schema.js';
export { IdPipe } from './http/input/id.pipe.js';
export {
  type Page,
  pageOf,
  type PagePosition,
  pageQuery,
  type PageQuery,
  selectPage,
  toPage,
} from './http/input/page.js';
export { ValidBody, ValidQuery } from './http/input/valid.decorators.js';
export { versionNumber } from './http/input/version-number.js';
export { wholeNumber } from './http/input/whole-number.js';
