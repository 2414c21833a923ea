-- The schema and the functions of the contestants on PostgreSQL.
--
-- Unique indexes hold the promises: one order for each request id, one for each buyer of an item.

CREATE TABLE items (
    item bigint PRIMARY KEY,
    left_units bigint NOT NULL
-- Room for new versions of the hot row on its own page.
) WITH (fillfactor = 10);

CREATE TABLE buckets (
    item bigint,
    bucket integer,
    left_units bigint NOT NULL,
    PRIMARY KEY (item, bucket)
) WITH (fillfactor = 10);

CREATE TABLE orders (
    order_id bigint GENERATED ALWAYS AS IDENTITY,
    item bigint NOT NULL,
    request uuid NOT NULL,
    buyer text NOT NULL,
    units integer NOT NULL DEFAULT 1,
    place_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (item, request),
    UNIQUE (item, buyer)
);

-- One order against the hot row. NULL: refused. The order comes before the row, so that the row is
-- locked for a shorter time.
CREATE FUNCTION place_order(the_item bigint, the_request uuid, the_buyer text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    placed bigint;
BEGIN
    INSERT INTO orders (item, request, buyer) VALUES (the_item, the_request, the_buyer)
        ON CONFLICT DO NOTHING RETURNING order_id INTO placed;
    IF placed IS NULL THEN
        SELECT order_id INTO placed FROM orders WHERE item = the_item AND request = the_request;
        RETURN placed;
    END IF;
    UPDATE items SET left_units = left_units - 1 WHERE item = the_item AND left_units > 0;
    IF NOT FOUND THEN
        DELETE FROM orders WHERE item = the_item AND request = the_request;
        RETURN NULL;
    END IF;
    RETURN placed;
END $$;

-- The same against one of 64 rows that no other transaction has locked.
CREATE FUNCTION place_in_bucket(the_item bigint, the_request uuid, the_buyer text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    placed bigint;
    -- Drawn once: a condition with random() would be drawn anew for each row, and once more when a row
    -- was changed meanwhile, which would leave rows locked that are not taken.
    wanted integer := floor(random() * 64);
    chosen integer;
BEGIN
    INSERT INTO orders (item, request, buyer) VALUES (the_item, the_request, the_buyer)
        ON CONFLICT DO NOTHING RETURNING order_id INTO placed;
    IF placed IS NULL THEN
        SELECT order_id INTO placed FROM orders WHERE item = the_item AND request = the_request;
        RETURN placed;
    END IF;
    SELECT bucket INTO chosen FROM buckets
        WHERE item = the_item AND bucket = wanted AND left_units > 0
        FOR UPDATE SKIP LOCKED;
    IF chosen IS NULL THEN
        SELECT bucket INTO chosen FROM buckets WHERE item = the_item AND left_units > 0
            LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF chosen IS NULL THEN
        -- All buckets are empty or locked. A locked one may have units: only waiting tells.
        SELECT bucket INTO chosen FROM buckets WHERE item = the_item AND left_units > 0
            LIMIT 1 FOR UPDATE;
    END IF;
    IF chosen IS NULL THEN
        DELETE FROM orders WHERE item = the_item AND request = the_request;
        RETURN NULL;
    END IF;
    UPDATE buckets SET left_units = left_units - 1 WHERE item = the_item AND bucket = chosen;
    RETURN placed;
END $$;

-- Many buyers in one transaction, as a gateway that gathers orders would call it: one answer for each
-- request, in their order.
CREATE FUNCTION place_orders(the_item bigint, requests uuid[], buyers text[])
RETURNS TABLE (placed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    fresh bigint[];
    free bigint;
BEGIN
    WITH inserted AS (
        INSERT INTO orders (item, request, buyer)
            SELECT the_item, wish.request, wish.buyer
            FROM unnest(requests, buyers) WITH ORDINALITY AS wish (request, buyer, nth)
            ORDER BY wish.nth
            ON CONFLICT DO NOTHING RETURNING order_id
    )
    SELECT array_agg(order_id ORDER BY order_id) INTO fresh FROM inserted;
    IF fresh IS NOT NULL THEN
        SELECT left_units INTO free FROM items WHERE item = the_item FOR UPDATE;
        UPDATE items SET left_units = left_units - least(free, cardinality(fresh))
            WHERE item = the_item;
        IF free < cardinality(fresh) THEN
            DELETE FROM orders WHERE item = the_item AND request = ANY (requests)
                AND order_id = ANY (fresh[free + 1:]);
        END IF;
    END IF;
    RETURN QUERY
        SELECT (SELECT order_id FROM orders WHERE item = the_item AND orders.request = wish.request)
        FROM unnest(requests) WITH ORDINALITY AS wish (request, nth) ORDER BY wish.nth;
END $$;
