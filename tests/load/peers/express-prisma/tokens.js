import { readFileSync } from 'node:fs';
import { SignJWT, importPKCS8, importSPKI, jwtVerify } from 'jose';

const { PUBLIC_KEY, PRIVATE_KEY, KEY_ID, ISSUER, AUDIENCE } = process.env;
const ALGORITHM = 'EdDSA';
const TYPE = 'at+jwt';

// jose stands in for jsonwebtoken, which has no EdDSA.
const publicKey = await importSPKI(readFileSync(PUBLIC_KEY, 'utf8'), ALGORITHM);
const privateKey = PRIVATE_KEY && (await importPKCS8(readFileSync(PRIVATE_KEY, 'utf8'), ALGORITHM));
const EXPECTED = { algorithms: [ALGORITHM], issuer: ISSUER, audience: AUDIENCE, typ: TYPE, requiredClaims: ['exp', 'sub'] };

export const wrapped = (handler) => (request, response, next) => handler(request, response).catch(next);

export async function authenticate(request, response, next) {
  try {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const { payload } = await jwtVerify(token, publicKey, EXPECTED);
    request.user = payload;
  } catch {
    return response.status(401).json({ error: 'invalid token' });
  }
  return next();
}

export function sign(user, life) {
  return new SignJWT({ email: user.email, role: user.role })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: KEY_ID })
    .setSubject(user.id)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(privateKey);
}
