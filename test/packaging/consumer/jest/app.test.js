const { once } = require('node:events')

const { customFetch } = require('@atjwt/core')
const { createTestIssuer } = require('@atjwt/testing')

const { createApp } = require('./app.js')

test('an order is shown to those who may read orders', async () => {
  const issuer = await createTestIssuer()
  const app = createApp({ issuer: issuer.issuer, audience: issuer.audience, [customFetch]: issuer.fetch })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${server.address().port}/orders`
    const get = (token) => fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const good = await get(await issuer.issue({ scope: 'orders:read' }))
    expect([good.status, await good.json()]).toEqual([200, { for: 'user-1' }])
    expect((await get(await issuer.issue())).status).toBe(403)
    expect((await get('x.y.z')).status).toBe(401)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
