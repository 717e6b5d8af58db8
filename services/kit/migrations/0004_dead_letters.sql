-- Times of dead letters are kept as they are shown, in milliseconds: a list that several services share is continued
-- after the time of the last one shown.
UPDATE inbox_dead_letters SET created_at = date_trunc('milliseconds', created_at);
