import { Algorithm, hash, verify } from '@node-rs/argon2';

// ShopFlow's default: 19 MiB, two passes, one lane. Hashing runs in libuv's threads.
const PARAMETERS = { algorithm: Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const ACCESS_SECONDS = 3600;
const REFRESH_SECONDS = 30 * 24 * 3600;

const registration = {
  type: 'object',
  required: ['email', 'password', 'first_name', 'last_name'],
  additionalProperties: false,
  properties: {
    email: { type: 'string', format: 'email', maxLength: 255 },
    password: { type: 'string', minLength: 8, maxLength: 1024 },
    first_name: { type: 'string', minLength: 1, maxLength: 100 },
    last_name: { type: 'string', minLength: 1, maxLength: 100 },
    phone: { type: 'string', pattern: '^\\+[1-9]\\d{1,14}$' },
  },
};

const credentials = {
  type: 'object',
  required: ['email', 'password'],
  properties: { email: { type: 'string' }, password: { type: 'string' } },
};

const user = {
  type: 'object',
  properties: { id: { type: 'string' }, email: { type: 'string' }, role: { type: 'string' } },
};

const validated = { 200: { type: 'object', properties: { valid: { type: 'boolean' }, user } } };

export async function accounts(app) {
  app.post('/auth/validate', { onRequest: app.authenticate, schema: { response: validated } }, async (request) => {
    const { sub, email, role } = request.user;
    return { valid: true, user: { id: sub, email, role } };
  });

  app.post('/auth/register', { schema: { body: registration } }, async (request, reply) => {
    const { email, password, first_name, last_name, phone = null } = request.body;
    try {
      const { rows } = await app.pool.query(
        `INSERT INTO users (email, password_hash, first_name, last_name, phone) VALUES ($1, $2, $3, $4, $5)
         RETURNING id, email, first_name, last_name, phone, role, created_at`,
        [email, await hash(password, PARAMETERS), first_name, last_name, phone],
      );
      return reply.code(201).send(rows[0]);
    } catch (error) {
      if (error.code === '23505') return reply.code(409).send({ error: 'the address is registered' });
      throw error;
    }
  });

  app.post('/auth/login', { schema: { body: credentials } }, async (request, reply) => {
    const { email, password } = request.body;
    const { rows } = await app.pool.query(
      'SELECT id, password_hash, role, is_active FROM users WHERE email = $1',
      [email],
    );
    const [found] = rows;
    if (!found || !(await verify(found.password_hash, password))) {
      return reply.code(401).send({ error: 'invalid credentials' });
    }
    if (!found.is_active) return reply.code(403).send({ error: 'the account is deactivated' });
    const claims = { sub: found.id, email, role: found.role };
    return {
      access_token: app.jwt.sign(claims, { expiresIn: ACCESS_SECONDS * 1000 }),
      refresh_token: app.jwt.sign(claims, { expiresIn: REFRESH_SECONDS * 1000 }),
      token_type: 'Bearer',
      expires_in: ACCESS_SECONDS,
    };
  });
}
