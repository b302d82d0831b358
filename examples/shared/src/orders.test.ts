import { expect, test } from 'vitest'
import { Orders } from './orders.ts'

async function* body(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield new TextEncoder().encode(chunk)
}

test('create() reads a body in pieces, also when a character is cut', async () => {
  const bytes = new TextEncoder().encode('{"item":"Café","quantity":1}')
  const cut = bytes.indexOf(0xc3) + 1
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, cut)
    yield bytes.subarray(cut)
  }
  expect(await new Orders().create(pieces())).toEqual({ id: '3', item: 'Café', quantity: 1 })
})

test('create() takes item and quantity alone from what the client sends', async () => {
  const orders = new Orders()
  const order = await orders.create(body('{"id":"1","item":"Cup","quantity":1,', '"__proto__":{"x":1}}'))
  expect(order).toEqual({ id: '3', item: 'Cup', quantity: 1 })
  expect(orders.list()).toHaveLength(3)
})

test('delete() frees no id: the next order gets a new one', async () => {
  const orders = new Orders()
  expect(orders.delete('2')).toBe(true)
  expect(orders.delete('2')).toBe(false)
  expect(await orders.create(body('{"item":"Cup","quantity":1}'))).toMatchObject({ id: '3' })
})

test('reports() adds up the quantities of one item', async () => {
  const orders = new Orders()
  await orders.create(body('{"item":"Coffee beans","quantity":30}'))
  expect(orders.reports()).toContainEqual({ item: 'Coffee beans', quantity: 42 })
})
