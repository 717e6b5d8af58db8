import { Router } from 'express';
import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import { authenticate, wrapped } from './tokens.js';

const placement = z.strictObject({
  items: z.array(z.strictObject({
    product_id: z.uuid(),
    product_name: z.string().min(1).max(200),
    quantity: z.int().min(1).max(10_000),
    unit_price: z.number().positive().max(999_999.99),
  })).min(1).max(200),
  shipping_address: z.strictObject({
    street: z.string().min(1).max(200),
    city: z.string().min(1).max(100),
    state: z.string().min(1).max(100).optional(),
    zip_code: z.string().min(1).max(20),
    country: z.string().regex(/^[A-Z]{2}$/),
  }).refine((address) => address.country !== 'US' || address.state, { path: ['state'], error: 'is required' }),
  currency: z.string().regex(/^[A-Z]{3}$/).default('USD'),
  notes: z.string().max(500).optional(),
});

const query = z.object({
  page: z.coerce.number().int().min(1).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  status: z.enum(['pending', 'confirmed', 'shipped', 'delivered']).optional(),
  sort_by: z.enum(['created_at', 'updated_at', 'total_amount', 'status']).default('created_at'),
  sort_dir: z.enum(['asc', 'desc']).default('desc'),
});

export function orders(database) {
  const router = Router();
  router.use(authenticate);

  router.post('/orders', wrapped(async (request, response) => {
    const placed = priced(placement.parse(request.body), request.user.sub);
    // A nested write is one transaction: the order and its first state.
    const history = { create: { to_status: placed.status, actor: placed.user_id, at: placed.created_at } };
    await database.order.create({ data: { ...placed, history }, select: { id: true } });
    response.status(201).json(placed);
  }));

  router.get('/orders', wrapped(async (request, response) => {
    const { page, limit, status, sort_by, sort_dir } = query.parse(request.query);
    const where = { user_id: request.user.sub, status };
    const total = await database.order.count({ where });
    const rows = await database.order.findMany({
      where,
      orderBy: [{ [sort_by]: sort_dir }, { id: sort_dir }],
      skip: (page - 1) * limit,
      take: limit,
      select: { id: true, status: true, total_amount: true, currency: true, created_at: true },
    });
    response.json({
      data: rows.map((row) => ({ ...row, total_amount: Number(row.total_amount) })),
      pagination: { page, limit, total_items: total, total_pages: Math.ceil(total / limit) },
    });
  }));

  return router;
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
