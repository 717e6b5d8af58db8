import bcrypt from 'bcryptjs';
import { Router } from 'express';
import { z } from 'zod';
import { authenticate, sign, wrapped } from './tokens.js';

// Rounds of bcrypt, as a power of two.
const COST = 12;

const registration = z.strictObject({
  email: z.email().max(255),
  password: z.string().min(8).max(1024),
  first_name: z.string().min(1).max(100),
  last_name: z.string().min(1).max(100),
  phone: z.e164().optional(),
});
const credentials = z.object({ email: z.string(), password: z.string() });

export function accounts(database) {
  const router = Router();

  router.post('/auth/validate', authenticate, (request, response) => {
    const { sub: id, email, role } = request.user;
    response.json({ valid: true, user: { id, email, role } });
  });

  router.post('/auth/register', wrapped(async (request, response) => {
    const { password, ...person } = registration.parse(request.body);
    const password_hash = await bcrypt.hash(password, COST);
    const { id, role, created_at } = await database.user.create({ data: { ...person, password_hash } });
    response.status(201).json({ id, phone: null, ...person, role, created_at });
  }));

  router.post('/auth/login', wrapped(async (request, response) => {
    const { email, password } = credentials.parse(request.body);
    const user = await database.user.findUnique({ where: { email } });
    if (!user || !(await bcrypt.compare(password, user.password_hash))) {
      return response.status(401).json({ error: 'invalid credentials' });
    }
    if (!user.is_active) return response.status(403).json({ error: 'the account is deactivated' });
    return response.json({
      access_token: await sign(user, '1h'),
      refresh_token: await sign(user, '30d'),
      token_type: 'Bearer',
      expires_in: 3600,
    });
  }));

  return router;
}
