-- Accounts (document 003, section 9.1).
CREATE TABLE users (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email             varchar(255) NOT NULL,
    password_hash     varchar(255) NOT NULL,
    first_name        varchar(100) NOT NULL,
    last_name         varchar(100) NOT NULL,
    phone             varchar(20),
    role              varchar(20) NOT NULL DEFAULT 'customer'
                      CONSTRAINT users_role_check CHECK (role IN ('customer', 'admin', 'vendor')),
    is_active         boolean NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    -- When the account was deactivated: it is purged 90 days later.
    deactivated_at    timestamptz,
    -- Access tokens issued up to then are refused everywhere.
    tokens_revoked_at timestamptz
);

-- Addresses compare without case. This is also the index that sign-in uses.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_created_at_id_idx ON users (created_at, id);
CREATE INDEX users_deactivated_idx ON users (deactivated_at) WHERE NOT is_active;
CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin' AND is_active;

-- One row a sign-in; also the family of the refresh tokens that descend from it.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device       varchar(255),
    ip           varchar(45),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   varchar(20)
                 CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('logout', 'revoked', 'reuse', 'deactivated')),
    CONSTRAINT sessions_end_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_user_idx ON sessions (user_id, last_used_at DESC, id DESC);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Refresh tokens, by SHA-256; the tokens themselves are stored nowhere.
CREATE TABLE refresh_tokens (
    fingerprint bytea PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- Set together when the token is exchanged. Token and salt give the successor again.
    rotated_at  timestamptz,
    salt        bytea,
    successor   bytea,
    CONSTRAINT refresh_tokens_rotation_check
        CHECK ((rotated_at IS NULL) = (salt IS NULL) AND (rotated_at IS NULL) = (successor IS NULL))
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- Access tokens ended before their time, on their way to every service.
CREATE TABLE revocations (
    key          text PRIMARY KEY,
    -- Unix seconds: tokens issued up to then are refused.
    before       bigint NOT NULL,
    created_at   timestamptz NOT NULL,
    published_at timestamptz
);
CREATE INDEX revocations_pending_idx ON revocations (created_at) WHERE published_at IS NULL;
CREATE INDEX revocations_created_at_idx ON revocations (created_at);

-- Wrong passwords, by a digest of whom they are counted for.
CREATE TABLE sign_in_failures (
    key    bytea PRIMARY KEY,
    count  integer NOT NULL,
    latest timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_latest_idx ON sign_in_failures (latest);
