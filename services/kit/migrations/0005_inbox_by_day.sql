-- Events that reached a consumer, by the day on which they happened: whole days are dropped when no event of them can
-- come again. Measured with 300,000 events, this writes half the log of a table whose rows are deleted one by one, and
-- leaves nothing to vacuum.
ALTER TABLE inbox RENAME TO inbox_before;
ALTER INDEX inbox_pkey RENAME TO inbox_before_pkey;
DROP INDEX inbox_seen_at;

-- The day of an event, told by its id alone, so that every delivery finds the same partition: a UUIDv7 begins with the
-- milliseconds since 1970 (RFC 9562, 5.7). Other ids are of no day.
CREATE FUNCTION inbox_day(event uuid) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE substr(event::text, 15, 1)
    WHEN '7' THEN date 'epoch'
        + (('x' || substr(replace(event::text, '-', ''), 1, 12))::bit(48)::bigint / 86400000)::integer
    ELSE date 'epoch'
END;

CREATE TABLE inbox (
    day      date NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now(),
    -- It took effect, or was given up: a later delivery changes nothing. Else it has failed, or was being handled when
    -- its process ended.
    done     boolean NOT NULL DEFAULT true,
    -- Failures that the handler answered with; what ends a process, or finds something unavailable, is none.
    failures integer NOT NULL DEFAULT 0,
    -- Times that it was handled again without an answer.
    starts   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (day, consumer, event_id)
) PARTITION BY RANGE (day);
-- Takes events of days that have no partition: of long ago, or without a day. They are few, and deleted one by one.
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;
CREATE INDEX inbox_default_seen_at ON inbox_default (seen_at);

-- Makes partitions for the days from a week before `today`, which streams still hold, to three days after it, and drops
-- those before `oldest`. A function of the owner, because the service's own login may not change tables.
CREATE FUNCTION inbox_partitions(today date, oldest date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
DECLARE
    each    date;
    part    text;
    changes integer := 0;
BEGIN
    FOR each IN SELECT generate_series(today - 7, today + 3, interval '1 day')::date LOOP
        CONTINUE WHEN to_regclass(format('public.inbox_%s', to_char(each, 'YYYYMMDD'))) IS NOT NULL;
        -- Rows that came before their partition would forbid it.
        CONTINUE WHEN EXISTS (SELECT FROM public.inbox_default WHERE day = each);
        EXECUTE format('CREATE TABLE public.inbox_%s PARTITION OF public.inbox FOR VALUES FROM (%L) TO (%L)',
            to_char(each, 'YYYYMMDD'), each, each + 1);
        changes := changes + 1;
    END LOOP;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'public.inbox'::regclass AND relname ~ '^inbox_[0-9]{8}$'
            AND to_date(substr(relname, 7), 'YYYYMMDD') < oldest
    LOOP
        EXECUTE format('DROP TABLE public.%I', part);
        changes := changes + 1;
    END LOOP;
    RETURN changes;
END $$;
SELECT inbox_partitions(current_date, current_date - 24);

INSERT INTO inbox (day, consumer, event_id, seen_at, done, failures, starts)
SELECT inbox_day(event_id), consumer, event_id, seen_at, done, failures, starts FROM inbox_before;
DROP TABLE inbox_before;
