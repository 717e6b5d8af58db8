-- The number by which people speak of an order (src/domain/number.rs): eleven characters that are drawn and a check
-- character, in three groups of four.
CREATE FUNCTION order_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    alphabet CONSTANT text := '23456789CDFHJKMNPRTVWXY';
    -- The last 60 bits of a version 4 UUID are random (RFC 9562, 5.4).
    rest   bigint := ('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint;
    drawn  text := '';
    weighted integer := 0;
BEGIN
    FOR weight IN REVERSE 12..2 LOOP
        drawn := drawn || substr(alphabet, (rest % 23)::integer + 1, 1);
        weighted := weighted + weight * (rest % 23)::integer;
        rest := rest / 23;
    END LOOP;
    drawn := drawn || substr(alphabet, (23 - weighted % 23) % 23 + 1, 1);
    RETURN substr(drawn, 1, 4) || '-' || substr(drawn, 5, 4) || '-' || substr(drawn, 9, 4);
END
$$;

-- Each order that exists gets one. The default stays for pods of the former release, which place orders without one
-- until they are replaced.
ALTER TABLE orders ADD COLUMN number varchar(14) NOT NULL DEFAULT order_number()
    CONSTRAINT orders_number UNIQUE;
