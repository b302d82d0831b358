import { ORDER_NOT_FOUND, ORDER_UNREADABLE, Orders, PROBLEM, whoami } from '@atjwt-examples/shared'
import { all, any, entitlement, group, optional, protect, type ResourceServer, role, scope } from '@atjwt/koa'
import { Router } from '@koa/router'
import Koa from 'koa'

/** The orders API in Koa: each route says who may call it. */
export function createApp(api: ResourceServer): Koa {
  const orders = new Orders()
  const app = new Koa()
  const router = new Router()

  router.get('/health', (ctx) => {
    ctx.body = { status: 'ok' }
  })

  router.get('/public', protect(api, optional()), (ctx) => {
    ctx.body = { sub: ctx.state.auth?.subject ?? null }
  })

  router.get('/whoami', protect(api), (ctx) => {
    ctx.body = whoami(ctx.state.auth)
  })

  router.get('/orders', protect(api, scope('orders:read')), (ctx) => {
    ctx.body = { orders: orders.list() }
  })

  router.post('/orders', protect(api, scope('orders:write')), async (ctx) => {
    const order = await orders.create(ctx.req)
    ctx.status = order === undefined ? 400 : 201
    ctx.body = order ?? ORDER_UNREADABLE
    if (order === undefined) ctx.type = PROBLEM
    else ctx.set('Location', `/orders/${order.id}`)
  })

  router.delete(
    '/orders/:id',
    protect(api, all(scope('orders:write'), any(role('admin'), group('order-managers')))),
    (ctx) => {
      const deleted = orders.delete(ctx.params['id'] as string)
      ctx.status = deleted ? 204 : 404
      if (deleted) return
      ctx.body = ORDER_NOT_FOUND
      ctx.type = PROBLEM
    },
  )

  router.get('/reports', protect(api, entitlement('reports')), (ctx) => {
    ctx.body = { reports: orders.reports() }
  })

  app.use(router.routes())
  return app
}
