// A peer for comparison: Express 4 with Prisma, Zod and bcryptjs.
// ../README.md says what it does and what it leaves out.
import express from 'express';
import { PrismaPg } from '@prisma/adapter-pg';
import prisma from '@prisma/client';
import { ZodError } from 'zod';
import { accounts } from './accounts.js';
import { orders } from './orders.js';

const { SERVICE, PORT, DATABASE_URL } = process.env;

const database = new prisma.PrismaClient({ adapter: new PrismaPg({ connectionString: DATABASE_URL, max: 10 }) });
const app = express();
app.disable('x-powered-by');
// Express hashes every answer for an ETag unless told otherwise, which nobody asks for here.
app.disable('etag');
app.use(express.json());
app.get('/health', (request, response) => response.json({ status: 'ok' }));
app.use({ auth: accounts, order: orders }[SERVICE](database));
app.use((error, request, response, next) => {
  if (error instanceof ZodError) return response.status(400).json({ error: error.issues });
  if (error.code === 'P2002') return response.status(409).json({ error: 'the address is registered' });
  return response.status(500).json({ error: 'internal error' });
});
app.listen(Number(PORT), '127.0.0.1');
