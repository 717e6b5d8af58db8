-- The first administrator is opened once. This row remembers it, whatever becomes of the account.
CREATE TABLE bootstrap (
    only_row  boolean PRIMARY KEY DEFAULT true CONSTRAINT bootstrap_only_row_check CHECK (only_row),
    opened_at timestamptz NOT NULL,
    -- The account; not a reference, because the row outlives it.
    user_id   uuid
);

-- A platform that has an administrator was bootstrapped. So, possibly, was one that is older than the 90 days after
-- which a deactivated administrator is purged: it is taken to be, because an operator can open the account again on
-- purpose, but nobody could undo that it opened by itself.
INSERT INTO bootstrap (opened_at, user_id)
SELECT now(), (SELECT id FROM users WHERE role = 'admin' ORDER BY created_at, id LIMIT 1)
WHERE EXISTS (SELECT FROM users WHERE role = 'admin' OR created_at < now() - interval '90 days');

-- Grows with each change of an account; the sequence of its events.
ALTER TABLE users ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- Sessions beyond the maximum per user end.
ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_check
    CHECK (end_reason IN ('logout', 'revoked', 'reuse', 'deactivated', 'limit'));

-- How a stored password hash was made, up to its salt: what checking a password against it costs. NULL for text of no
-- known form. The index gives each scheme that accounts have without looking at every account.
CREATE FUNCTION password_scheme(hash text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    substring(hash FROM '^(\$argon2.*)\$[^$]*\$[^$]*$'),
    substring(hash FROM '^((?:bcrypt-sha256:)?\$2[abxy]?\$[0-9]+)\$')
);
CREATE INDEX users_password_scheme_idx ON users (password_scheme(password_hash));
