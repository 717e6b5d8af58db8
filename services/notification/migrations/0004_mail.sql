-- A mail has a part in plain text beside its HTML, and says when it was composed: a redriven one anew. Both are unknown
-- of what was queued before.
ALTER TABLE notifications
    ADD COLUMN plain_text  TEXT,
    ADD COLUMN composed_at TIMESTAMPTZ,
    -- Without a provider a message is written to the log, and nobody gets it.
    DROP CONSTRAINT notifications_status_check,
    ADD CONSTRAINT notifications_status_check CHECK (status IN ('queued', 'sent', 'logged', 'failed'));
