import { ORDER_NOT_FOUND, ORDER_UNREADABLE, Orders, PROBLEM, whoami } from '@atjwt-examples/shared'
import {
  all,
  any,
  entitlement,
  group,
  optional,
  protect,
  type ResourceServer,
  role,
  scope,
} from '@atjwt/hono'
import { Hono } from 'hono'

/** The orders API in Hono: each route says who may call it. */
export function createApp(api: ResourceServer): Hono {
  const orders = new Orders()
  const app = new Hono()

  app.get('/health', (c) => c.json({ status: 'ok' }))

  app.get('/public', protect(api, optional()), (c) => c.json({ sub: c.var.auth?.subject ?? null }))

  app.get('/whoami', protect(api), (c) => c.json(whoami(c.var.auth)))

  app.get('/orders', protect(api, scope('orders:read')), (c) => c.json({ orders: orders.list() }))

  app.post('/orders', protect(api, scope('orders:write')), async (c) => {
    const order = await orders.create(c.req.raw.body)
    if (order === undefined) return c.body(ORDER_UNREADABLE, 400, { 'Content-Type': PROBLEM })
    return c.json(order, 201, { Location: `/orders/${order.id}` })
  })

  app.delete(
    '/orders/:id',
    protect(api, all(scope('orders:write'), any(role('admin'), group('order-managers')))),
    (c) => {
      if (orders.delete(c.req.param('id'))) return c.body(null, 204)
      return c.body(ORDER_NOT_FOUND, 404, { 'Content-Type': PROBLEM })
    },
  )

  app.get('/reports', protect(api, entitlement('reports')), (c) => c.json({ reports: orders.reports() }))

  return app
}
