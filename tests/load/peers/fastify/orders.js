import { v7 as uuid } from 'uuid';

const text = (maxLength) => ({ type: 'string', minLength: 1, maxLength });

const address = {
  type: 'object',
  required: ['street', 'city', 'zip_code', 'country'],
  additionalProperties: false,
  properties: {
    street: text(200),
    city: text(100),
    state: text(100),
    zip_code: text(20),
    country: { type: 'string', pattern: '^[A-Z]{2}$' },
  },
  if: { properties: { country: { const: 'US' } } },
  then: { required: ['state'] },
};

const placement = {
  type: 'object',
  required: ['items', 'shipping_address'],
  additionalProperties: false,
  properties: {
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 200,
      items: {
        type: 'object',
        required: ['product_id', 'product_name', 'quantity', 'unit_price'],
        additionalProperties: false,
        properties: {
          product_id: { type: 'string', format: 'uuid' },
          product_name: text(200),
          quantity: { type: 'integer', minimum: 1, maximum: 10_000 },
          unit_price: { type: 'number', exclusiveMinimum: 0, maximum: 999_999.99 },
        },
      },
    },
    shipping_address: address,
    currency: { type: 'string', pattern: '^[A-Z]{3}$', default: 'USD' },
    notes: { type: 'string', maxLength: 500 },
  },
};

const nullableDate = { type: ['string', 'null'], format: 'date-time' };
const date = { type: 'string', format: 'date-time' };
const line = {
  type: 'object',
  properties: {
    product_id: { type: 'string' },
    product_name: { type: 'string' },
    quantity: { type: 'integer' },
    unit_price: { type: 'number' },
    subtotal: { type: 'number' },
  },
};
const order = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    user_id: { type: 'string' },
    status: { type: 'string' },
    items: { type: 'array', items: line },
    shipping_address: { type: 'object', properties: address.properties },
    total_amount: { type: 'number' },
    currency: { type: 'string' },
    notes: { type: ['string', 'null'] },
    confirmed_at: nullableDate,
    shipped_at: nullableDate,
    delivered_at: nullableDate,
    created_at: date,
    updated_at: date,
  },
};

const query = {
  type: 'object',
  properties: {
    page: { type: 'integer', minimum: 1, default: 1 },
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    status: { enum: ['pending', 'confirmed', 'shipped', 'delivered'] },
    sort_by: { enum: ['created_at', 'updated_at', 'total_amount', 'status'], default: 'created_at' },
    sort_dir: { enum: ['asc', 'desc'], default: 'desc' },
  },
};
const summary = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    status: { type: 'string' },
    total_amount: { type: 'number' },
    currency: { type: 'string' },
    created_at: date,
  },
};
const integers = (...names) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'integer' }])),
});
const page = {
  type: 'object',
  properties: {
    data: { type: 'array', items: summary },
    pagination: integers('page', 'limit', 'total_items', 'total_pages'),
  },
};

export async function orders(app) {
  app.addHook('onRequest', app.authenticate);

  app.post('/orders', { schema: { body: placement, response: { 201: order } } }, async (request, reply) => {
    const placed = priced(request.body, request.user.sub);
    await insert(app.pool, placed);
    return reply.code(201).send(placed);
  });

  app.get('/orders', { schema: { querystring: query, response: { 200: page } } }, async (request) => {
    const { page: number, limit, status = null, sort_by, sort_dir } = request.query;
    const wanted = 'FROM orders WHERE user_id = $1 AND ($2::text IS NULL OR status = $2)';
    const counted = await app.pool.query({
      name: 'count', text: `SELECT count(*)::int AS total ${wanted}`, values: [request.user.sub, status],
    });
    const found = await app.pool.query({
      name: `list-${sort_by}-${sort_dir}`,
      text: `SELECT id, status, total_amount, currency, created_at ${wanted}
             ORDER BY ${sort_by} ${sort_dir}, id ${sort_dir} LIMIT $3 OFFSET $4`,
      values: [request.user.sub, status, limit, (number - 1) * limit],
    });
    const { total } = counted.rows[0];
    return {
      data: found.rows,
      pagination: { page: number, limit, total_items: total, total_pages: Math.ceil(total / limit) },
    };
  });
}

// Amounts are computed in cents, so that no rounding error adds up.
function priced(body, user) {
  let total = 0;
  const items = body.items.map((item) => {
    const cents = Math.round(item.unit_price * 100) * item.quantity;
    total += cents;
    return { ...item, subtotal: cents / 100 };
  });
  const now = new Date();
  return {
    id: uuid(),
    user_id: user,
    status: 'pending',
    items,
    shipping_address: body.shipping_address,
    total_amount: total / 100,
    currency: body.currency,
    notes: body.notes ?? null,
    confirmed_at: null,
    shipped_at: null,
    delivered_at: null,
    created_at: now,
    updated_at: now,
  };
}

// The order and its first state, in one transaction.
async function insert(pool, placed) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query({
      name: 'insert-order',
      text: `INSERT INTO orders (id, user_id, status, items, shipping_address, total_amount, currency, notes, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
      values: [
        placed.id, placed.user_id, placed.status, JSON.stringify(placed.items), JSON.stringify(placed.shipping_address),
        placed.total_amount, placed.currency, placed.notes, placed.created_at,
      ],
    });
    await client.query({
      name: 'insert-history',
      text: 'INSERT INTO order_history (order_id, to_status, actor, at) VALUES ($1, $2, $3, $4)',
      values: [placed.id, placed.status, placed.user_id, placed.created_at],
    });
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
