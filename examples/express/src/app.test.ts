import { describeOrdersApi } from '@atjwt-examples/shared/suite'

describeOrdersApi(new URL('main.ts', import.meta.url))
