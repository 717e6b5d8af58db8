-- Events that reached a consumer. One that took effect, or was given up, is done: a later delivery changes nothing.
-- One that is not done has failed, or was being handled when its process ended.
ALTER TABLE inbox RENAME COLUMN processed_at TO seen_at;
ALTER INDEX inbox_processed_at RENAME TO inbox_seen_at;
ALTER TABLE inbox
    ADD COLUMN done     boolean NOT NULL DEFAULT true,
    -- Failures that the handler answered with; what ends a process, or finds something unavailable, is none.
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    -- Times that it was handled again without an answer.
    ADD COLUMN starts   integer NOT NULL DEFAULT 0;

-- Events that this service gave up, kept for 30 days: handled again, or discarded, by an administrator. They hold
-- what the event holds and nothing else of anybody.
CREATE TABLE inbox_dead_letters (
    id                 uuid PRIMARY KEY,
    consumer           text NOT NULL,
    -- What tells messages of one consumer apart: the event's id, or the place of one that cannot be read.
    message            text NOT NULL,
    event_id           uuid,
    subject            text NOT NULL,
    stream             text NOT NULL,
    stream_sequence    bigint NOT NULL,
    stored_at          timestamptz NOT NULL,
    aggregate_id       uuid,
    aggregate_sequence bigint,
    traceparent        text,
    payload            bytea NOT NULL,
    -- Why it was given up, or why its latest redrive failed.
    cause              text NOT NULL,
    attempts           integer NOT NULL,
    created_at         timestamptz NOT NULL,
    -- When its copy was stored in the stream of dead letters.
    published_at       timestamptz,
    redrives           integer NOT NULL DEFAULT 0,
    redrive_id         uuid,
    -- When a redrive that was asked for is made, or made again because the process that made it ended.
    redrive_due_at     timestamptz,
    redriven_at        timestamptz,
    discarded_at       timestamptz,
    discard_reason     text,
    CONSTRAINT inbox_dead_letters_message UNIQUE (consumer, message)
);
CREATE INDEX inbox_dead_letters_newest ON inbox_dead_letters (created_at DESC, id DESC);
CREATE INDEX inbox_dead_letters_unpublished ON inbox_dead_letters (created_at) WHERE published_at IS NULL;
CREATE INDEX inbox_dead_letters_due ON inbox_dead_letters (created_at, id) WHERE redrive_due_at IS NOT NULL;

-- Effects outside the database that are still to happen, such as a mail to be sent. The service's own record has the
-- same id and says what it is; the row is deleted in the transaction that records what became of it.
CREATE TABLE effects (
    -- Also what the other side is given to recognise a repetition by.
    id           uuid PRIMARY KEY,
    kind         text NOT NULL,
    planned_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    -- Whoever acts on it holds it until then.
    leased_until timestamptz,
    -- Failures of this effect itself.
    failures     integer NOT NULL DEFAULT 0,
    -- Times that it was begun without an answer.
    starts       integer NOT NULL DEFAULT 0,
    -- The event that asked for it, as JSON; it becomes the dead letter when the effect is given up.
    origin       text
);
CREATE INDEX effects_due ON effects (kind, due_at);
