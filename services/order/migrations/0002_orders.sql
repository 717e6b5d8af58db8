-- Orders: document 003 section 9.2, with amounts in integer minor units and the state `cancelled`.

CREATE TABLE orders (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    status           varchar(20) NOT NULL DEFAULT 'pending',
    -- [{product_id, product_name, quantity, unit_price, subtotal}], prices as decimals.
    items            jsonb NOT NULL,
    -- {street, city, state?, zip_code, country}
    shipping_address jsonb NOT NULL,
    -- In minor units of `currency`: 11297 is 112.97 USD.
    total_minor      bigint NOT NULL,
    currency         varchar(3) NOT NULL DEFAULT 'USD',
    notes            varchar(500),
    confirmed_at     timestamptz,
    shipped_at       timestamptz,
    delivered_at     timestamptz,
    cancelled_at     timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,

    CONSTRAINT orders_status_known CHECK (
        status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')
    ),
    CONSTRAINT orders_items_not_empty CHECK (
        jsonb_typeof(items) = 'array' AND jsonb_array_length(items) > 0
    ),
    CONSTRAINT orders_total_positive CHECK (total_minor > 0),
    -- Document 003 section 6.3.
    CONSTRAINT orders_timestamps_match_status CHECK (
        CASE status
            WHEN 'pending' THEN num_nonnulls(confirmed_at, shipped_at, delivered_at, cancelled_at) = 0
            WHEN 'confirmed' THEN confirmed_at IS NOT NULL
                AND num_nonnulls(shipped_at, delivered_at, cancelled_at) = 0
            WHEN 'shipped' THEN num_nonnulls(confirmed_at, shipped_at) = 2
                AND num_nonnulls(delivered_at, cancelled_at) = 0
            WHEN 'delivered' THEN num_nonnulls(confirmed_at, shipped_at, delivered_at) = 3
                AND cancelled_at IS NULL
            WHEN 'cancelled' THEN cancelled_at IS NOT NULL
                AND num_nonnulls(shipped_at, delivered_at) = 0
        END
    )
);

CREATE INDEX idx_orders_user_id ON orders (user_id);
CREATE INDEX idx_orders_status ON orders (status);
CREATE INDEX idx_orders_created_at ON orders (created_at);
CREATE INDEX idx_orders_user_status ON orders (user_id, status);
-- A customer's newest orders without walking past everyone's.
CREATE INDEX idx_orders_user_created_at ON orders (user_id, created_at DESC, id DESC);

-- Every state an order was in and who brought it there.
CREATE TABLE order_history (
    order_id    uuid NOT NULL REFERENCES orders (id),
    id          bigint GENERATED ALWAYS AS IDENTITY,
    -- NULL: the order was placed.
    from_status varchar(20),
    to_status   varchar(20) NOT NULL,
    actor_kind  varchar(20) NOT NULL,
    -- A user's id or a service's name.
    actor       varchar(100) NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (order_id, id)
);
