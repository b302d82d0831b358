const { createResourceServer, protect, scope } = require('@atjwt/express')
const express = require('express')

exports.createApp = (options) => {
  const api = createResourceServer(options)
  const app = express()
  app.get('/orders', protect(api, scope('orders:read')), (_req, res) =>
    res.json({ for: res.locals.auth.subject }),
  )
  return app
}
