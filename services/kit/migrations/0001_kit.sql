-- Tables that every service with a database has. Databases of the first release have an `outbox`, an `inbox` and
-- `idempotency_keys` of another shape; what they hold that is still needed is carried over.
DO $$
BEGIN
    IF to_regclass('outbox') IS NOT NULL THEN
        ALTER TABLE outbox RENAME TO outbox_before;
        ALTER INDEX outbox_pkey RENAME TO outbox_before_pkey;
        DROP TABLE idempotency_keys;
    END IF;
END $$;

-- Events that were decided here, written in the transaction of their effect. Rows are written once and never
-- changed; whole days are dropped when they are older than anything a stream keeps.
CREATE SEQUENCE outbox_position;
CREATE TABLE outbox (
    day          date NOT NULL,
    -- The order in which events are published. Two events of one aggregate are numbered under its lock.
    position     bigint NOT NULL DEFAULT nextval('outbox_position'),
    id           uuid NOT NULL,
    stream       text NOT NULL,
    subject      text NOT NULL,
    aggregate_id uuid NOT NULL,
    -- The aggregate's row version that the event tells of.
    sequence     bigint NOT NULL,
    -- The envelope, as it is sent.
    payload      text NOT NULL,
    -- W3C trace context of the request, as `name: value` lines.
    headers      text NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (day, position)
) PARTITION BY RANGE (day);
-- Takes rows of days that have no partition yet.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- What is to be published: a row per event, deleted when the stream has acknowledged it.
CREATE TABLE outbox_pending (
    stream       text NOT NULL,
    position     bigint NOT NULL,
    day          date NOT NULL,
    aggregate_id uuid NOT NULL,
    -- How often the stream refused it, what it said last, and when it is tried again.
    attempts     integer NOT NULL DEFAULT 0,
    not_before   timestamptz,
    last_error   text,
    -- Refused too often: left for people, and no longer in the way of the aggregate's later events.
    parked_at    timestamptz,
    PRIMARY KEY (stream, position)
);
CREATE INDEX outbox_pending_refused ON outbox_pending (stream, aggregate_id, position) WHERE attempts > 0;

-- The streams that this service publishes to, as they were when last seen.
CREATE TABLE outbox_streams (
    stream        text PRIMARY KEY,
    -- When the stream was created; another time means that it was lost and made again.
    created       timestamptz NOT NULL,
    last_sequence bigint NOT NULL
);

-- Makes partitions for the days up to three days from `today`, and drops those before `oldest` that hold nothing
-- unpublished. A function of the owner, because the service's own login may not change tables.
CREATE FUNCTION outbox_partitions(today date, oldest date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
DECLARE
    each    date;
    part    record;
    changes integer := 0;
BEGIN
    FOR each IN SELECT generate_series(today, today + 3, interval '1 day')::date LOOP
        CONTINUE WHEN to_regclass(format('public.outbox_%s', to_char(each, 'YYYYMMDD'))) IS NOT NULL;
        -- Rows that came before their partition would forbid it.
        CONTINUE WHEN EXISTS (SELECT FROM public.outbox_default WHERE day = each);
        EXECUTE format('CREATE TABLE public.outbox_%s PARTITION OF public.outbox FOR VALUES FROM (%L) TO (%L)',
            to_char(each, 'YYYYMMDD'), each, each + 1);
        changes := changes + 1;
    END LOOP;
    FOR part IN
        SELECT relname, to_date(substr(relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'public.outbox'::regclass AND relname ~ '^outbox_[0-9]{8}$'
    LOOP
        CONTINUE WHEN part.day >= oldest;
        CONTINUE WHEN EXISTS (SELECT FROM public.outbox_pending WHERE outbox_pending.day = part.day);
        EXECUTE format('DROP TABLE public.%I', part.relname);
        changes := changes + 1;
    END LOOP;
    RETURN changes;
END $$;
SELECT outbox_partitions(current_date, current_date - 8);

-- Events that took effect here; a second delivery finds its row and changes nothing.
CREATE TABLE IF NOT EXISTS inbox (
    consumer     text NOT NULL,
    event_id     uuid NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX IF NOT EXISTS inbox_processed_at ON inbox (processed_at);

-- Answers of requests that carried an Idempotency-Key, kept for 24 hours.
CREATE TABLE idempotency_keys (
    owner        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       smallint NOT NULL,
    -- The answer byte for byte: repeated requests get the same.
    headers      text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Periodic work: one process at a time, once per period.
CREATE TABLE jobs (
    name      text PRIMARY KEY,
    -- Before this time it is not run again, by whomever.
    next_run  timestamptz NOT NULL
);

-- Unpublished events of the first release. Its streams are known by the first part of the subject.
DO $$
BEGIN
    IF to_regclass('outbox_before') IS NOT NULL THEN
        INSERT INTO outbox (day, id, stream, subject, aggregate_id, sequence, payload, headers, created_at)
        SELECT created_at::date, id, upper(split_part(subject, '.', 1)) || 'S', subject, aggregate_id, 0, payload::text, '', created_at
        FROM outbox_before ORDER BY id;
        INSERT INTO outbox_pending (stream, position, day, aggregate_id)
        SELECT outbox.stream, outbox.position, outbox.day, outbox.aggregate_id
        FROM outbox JOIN outbox_before USING (id) WHERE outbox_before.published_at IS NULL;
        DROP TABLE outbox_before;
    END IF;
END $$;
