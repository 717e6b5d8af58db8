-- The row version that events carry: consumers ignore what is older than what they have.
ALTER TABLE orders ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- Each index costs every order. One that starts with a customer serves all lists of that customer (document 003's
-- idx_orders_user_id and idx_orders_user_status), and states are looked for with the newest first.
DROP INDEX idx_orders_user_id;
DROP INDEX idx_orders_user_status;
DROP INDEX idx_orders_status;
DROP INDEX idx_orders_created_at;
CREATE INDEX idx_orders_status ON orders (status, created_at DESC, id DESC);
CREATE INDEX idx_orders_created_at ON orders (created_at DESC, id DESC);
