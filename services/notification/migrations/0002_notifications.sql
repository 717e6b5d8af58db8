-- The log of everything that was sent to people (document 003, 3.3 and 9.3).
CREATE TABLE notifications (
    id            UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id       UUID NOT NULL,
    order_id      UUID,
    channel       VARCHAR(10) NOT NULL CHECK (channel IN ('email', 'sms')),
    type          VARCHAR(100) NOT NULL,
    recipient     VARCHAR(255) NOT NULL,
    subject       VARCHAR(255),
    body          TEXT NOT NULL,
    status        VARCHAR(10) NOT NULL DEFAULT 'queued'
                    CHECK (status IN ('queued', 'sent', 'failed')),
    provider_ref  VARCHAR(255),
    error_message VARCHAR(1000),
    sent_at       TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- The event that asked for it; none for a notification that no event asked for.
    event_id      UUID,
    -- Handed to the provider so often.
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- A run that sends it holds it until then, so that two runs never send it at the same time.
    leased_until  TIMESTAMPTZ,
    CONSTRAINT notifications_event_channel UNIQUE (event_id, channel),
    CONSTRAINT notifications_sent_at CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);

CREATE INDEX idx_notifications_user_id ON notifications (user_id);
CREATE INDEX idx_notifications_order_id ON notifications (order_id);
CREATE INDEX idx_notifications_status ON notifications (status);
CREATE INDEX idx_notifications_created_at ON notifications (created_at);
-- A person's own list, newest first, without walking past everyone else's.
CREATE INDEX idx_notifications_user_newest ON notifications (user_id, created_at DESC, id DESC);

-- Events that could not be notified, kept until an administrator redrives them.
CREATE TABLE dead_letters (
    id          UUID PRIMARY KEY,
    -- Where the dead letter lies in the broker; a second delivery of it changes nothing.
    source      TEXT NOT NULL CONSTRAINT dead_letters_source UNIQUE,
    subject     TEXT NOT NULL,
    event_id    UUID,
    payload     BYTEA NOT NULL,
    cause       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    redrives    INTEGER NOT NULL DEFAULT 0,
    redrive_id  UUID,
    created_at  TIMESTAMPTZ NOT NULL,
    redriven_at TIMESTAMPTZ
);

CREATE INDEX idx_dead_letters_newest ON dead_letters (created_at DESC, id DESC);
