/** What the orders API sells: enough to be real, small enough to be read. */
export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
}

/** The media type of RFC 9457. */
export const PROBLEM = 'application/problem+json'
export const ORDER_NOT_FOUND: string = problem(404, 'Not Found', 'There is no such order')
export const ORDER_UNREADABLE: string = problem(
  400,
  'Bad Request',
  'An order is a JSON object with item (text) and quantity (1 to 1000)',
)

const MAX_BODY = 10_000

/** The orders of one server, in memory. */
export class Orders {
  readonly #orders = new Map<string, Order>()
  #lastId = 0

  constructor() {
    this.#add('Espresso machine', 1)
    this.#add('Coffee beans', 12)
  }

  list(): Order[] {
    return [...this.#orders.values()]
  }

  /** Items sold in total, as one would report them. */
  reports(): { item: string; quantity: number }[] {
    const totals = new Map<string, number>()
    for (const { item, quantity } of this.#orders.values())
      totals.set(item, (totals.get(item) ?? 0) + quantity)
    return [...totals].map(([item, quantity]) => ({ item, quantity }))
  }

  /** Reads and adds an order; `undefined` when the body is none. */
  async create(body: AsyncIterable<Uint8Array> | null): Promise<Order | undefined> {
    const { item, quantity } = (await readObject(body)) ?? {}
    if (typeof item !== 'string' || item.trim() === '' || item.length > 100) return undefined
    if (!Number.isInteger(quantity) || (quantity as number) < 1 || (quantity as number) > 1000)
      return undefined
    return this.#add(item, quantity as number)
  }

  /** Whether there was such an order. */
  delete(id: string): boolean {
    return this.#orders.delete(id)
  }

  #add(item: string, quantity: number): Order {
    this.#lastId += 1
    const order = { id: String(this.#lastId), item, quantity }
    this.#orders.set(order.id, order)
    return order
  }
}

async function readObject(
  body: AsyncIterable<Uint8Array> | null,
): Promise<Record<string, unknown> | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  // A body which is too long is read to its end and dropped: leaving the loop would close the connection on the answer.
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
  }
  if (size > MAX_BODY) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString())
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function problem(status: number, title: string, detail: string): string {
  return JSON.stringify({ title, status, detail })
}
