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
} from '@atjwt/express'
import express, { type Express } from 'express'

/** The orders API in Express: each route says who may call it. */
export function createApp(api: ResourceServer): Express {
  const orders = new Orders()
  const app = express()
  app.disable('x-powered-by')

  app.get('/health', (_req, res) => {
    res.json({ status: 'ok' })
  })

  app.get('/public', protect(api, optional()), (_req, res) => {
    res.json({ sub: res.locals.auth?.subject ?? null })
  })

  app.get('/whoami', protect(api), (_req, res) => {
    res.json(whoami(res.locals.auth))
  })

  app.get('/orders', protect(api, scope('orders:read')), (_req, res) => {
    res.json({ orders: orders.list() })
  })

  // oxlint-disable-next-line no-async-endpoint-handlers -- Express 5 hands a rejection to its error handler
  app.post('/orders', protect(api, scope('orders:write')), async (req, res) => {
    const order = await orders.create(req)
    if (order === undefined) res.status(400).type(PROBLEM).send(ORDER_UNREADABLE)
    else res.status(201).location(`/orders/${order.id}`).json(order)
  })

  app.delete(
    '/orders/:id',
    protect(api, all(scope('orders:write'), any(role('admin'), group('order-managers')))),
    (req, res) => {
      if (orders.delete(req.params.id)) res.status(204).end()
      else res.status(404).type(PROBLEM).send(ORDER_NOT_FOUND)
    },
  )

  app.get('/reports', protect(api, entitlement('reports')), (_req, res) => {
    res.json({ reports: orders.reports() })
  })

  return app
}
