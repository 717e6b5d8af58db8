// A peer for comparison: the auth and order service with Fastify and pg.
// ../README.md says what it does and what it leaves out.
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import jwt from '@fastify/jwt';
import pg from 'pg';
import { accounts } from './accounts.js';
import { orders } from './orders.js';

const { SERVICE, PORT, DATABASE_URL, PUBLIC_KEY, PRIVATE_KEY, KEY_ID, ISSUER, AUDIENCE } = process.env;

// Numbers for NUMERIC: amounts are JSON numbers, and two decimals fit.
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

const app = Fastify({ logger: false });
app.decorate('pool', new pg.Pool({ connectionString: DATABASE_URL, max: 10 }));
app.register(jwt, {
  secret: {
    public: readFileSync(PUBLIC_KEY, 'utf8'),
    ...(PRIVATE_KEY && { private: readFileSync(PRIVATE_KEY, 'utf8') }),
  },
  sign: { algorithm: 'EdDSA', kid: KEY_ID, iss: ISSUER, aud: AUDIENCE, header: { typ: 'at+jwt' } },
  verify: { algorithms: ['EdDSA'], allowedIss: ISSUER, allowedAud: AUDIENCE, checkTyp: 'at+jwt', requiredClaims: ['exp', 'sub'] },
});
app.decorate('authenticate', async (request, reply) => {
  try {
    await request.jwtVerify();
  } catch {
    return reply.code(401).send({ error: 'invalid token' });
  }
});
app.setErrorHandler((error, request, reply) => {
  const code = error.validation ? 400 : 500;
  return reply.code(code).send({ error: code === 400 ? error.message : 'internal error' });
});
app.get('/health', async () => ({ status: 'ok' }));
app.register({ auth: accounts, order: orders }[SERVICE]);
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
