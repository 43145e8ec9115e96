-- The tables that grow, in the order of their foreign keys. 32400000 is one day of office hours in milliseconds;
-- :span is all that the seed covers. Times wander by up to a day, so created_at does not rise with the id.

-- design --
INSERT INTO design (design_id, created_at, design_name, file_location, file_name, last_updated)
SELECT id, created_at, design_name,
    (ARRAY['/home/user/dir', '/usr/share', '/private', '/Network', '/lib', '/tmp/exports'])
        [1 + pg_temp.dice(:seed, 'design folder', id, 6)],
    lower(design_name) || to_char(created_at, '-YYYYMMDD-')
        || lpad(to_hex(pg_temp.dice(:seed, 'design file', id, 65536)), 4, '0') || '.json',
    created_at
FROM (
    SELECT id,
        -- Never later than its place in the row, so that no order is older than its design.
        pg_temp.office_time(
            greatest(0, (id - 1) * :span / :designs - pg_temp.dice(:seed, 'design time', id, 32400000))
        ) AS created_at,
        (ARRAY['Wooden', 'Bronze', 'Velvet', 'Marbled', 'Woven', 'Copper', 'Frosted', 'Pebbled', 'Linen', 'Glazed',
            'Quilted', 'Smoked'])[1 + pg_temp.dice(:seed, 'design name', id, 12)] AS design_name
    FROM (SELECT generate_series(1, :designs::bigint) AS id) AS ids
) AS drawn;

-- sales_order --
INSERT INTO sales_order (sales_order_id, created_at, last_updated, design_id, staff_id, counterparty_id, units_sold,
    unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
SELECT id, created_at, created_at,
    1 + pg_temp.dice(:seed, 'sale design', id, 1 + (id - 1) * (:designs - 1) / :sales),
    sale.*
FROM (
    SELECT id,
        pg_temp.office_time(
            (id - 1) * :span / :sales + pg_temp.dice(:seed, 'sale time', id, 32400000)
        ) AS created_at
    FROM (SELECT generate_series(1, :sales::bigint) AS id) AS ids
    OFFSET 0  -- works each time out once; merged into the outer query it is computed at every mention
) AS drawn, pg_temp.draw_sale(:seed, id, created_at) AS sale;

-- purchase_order --
INSERT INTO purchase_order (purchase_order_id, created_at, last_updated, staff_id, counterparty_id, item_code,
    item_quantity, item_unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
SELECT id, created_at, created_at, purchase.*
FROM (
    SELECT id,
        pg_temp.office_time(
            (id - 1) * :span / :purchases + pg_temp.dice(:seed, 'purchase time', id, 32400000)
        ) AS created_at
    FROM (SELECT generate_series(1, :purchases::bigint) AS id) AS ids
    OFFSET 0
) AS drawn, pg_temp.draw_purchase(:seed, id, created_at) AS purchase;

-- transaction --
INSERT INTO transaction (transaction_id, transaction_type, sales_order_id, purchase_order_id, created_at, last_updated)
SELECT transaction_id, transaction_type, sales_order_id, purchase_order_id, created_at, created_at
FROM pg_temp.draw_bills(:sales, :purchases);

-- payment --
INSERT INTO payment (payment_id, created_at, last_updated, transaction_id, counterparty_id, payment_amount, currency_id,
    payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number)
SELECT payment_id, created_at, CASE WHEN paid THEN pg_temp.office_time(settled_at) ELSE created_at END,
    transaction_id, counterparty_id, amount, currency_id,
    CASE transaction_type WHEN 'SALE' THEN 1 ELSE 3 END
        + CASE pg_temp.dice(:seed, 'refund', payment_id, 50) WHEN 0 THEN 1 ELSE 0 END,
    paid, payment_date,
    pg_temp.account_number('company', currency_id), pg_temp.account_number('counterparty', counterparty_id)
FROM (
    SELECT *, settled_at < :span AND pg_temp.dice(:seed, 'unpaid', payment_id, 25) > 0 AS paid
    FROM (
        SELECT *,
            -- Up to 37 neighbours are marked as paid together, after the last of them was made.
            (payment_id / 37 * 37 + 40) * :span / (:sales + :purchases)
                + 32400000 * (1 + pg_temp.dice(:seed, 'settled after', payment_id / 37, 5))
                + pg_temp.dice(:seed, 'settled at', payment_id / 37, 32400000) AS settled_at
        FROM (
            SELECT *,
                -- Neighbours change places: a payment seldom has the id of its transaction.
                CASE WHEN ((transaction_id - 1) # 1) + 1 > :sales + :purchases THEN transaction_id
                    ELSE ((transaction_id - 1) # 1) + 1 END AS payment_id
            FROM pg_temp.draw_bills(:sales, :purchases)
        ) AS numbered
        OFFSET 0
    ) AS settled
    OFFSET 0
) AS drawn;
