-- One burst of edits, each statement a transaction of its own and named as EditSummary counts it. Orders and designs
-- are edited without touching last_updated, as the application does it.

-- sales_orders_edited --
UPDATE sales_order SET
    staff_id = CASE kind WHEN 0 THEN staff_id % (SELECT max(staff_id) FROM staff) + 1 ELSE staff_id END,
    design_id = CASE kind WHEN 1 THEN design_id % (SELECT max(design_id) FROM design) + 1 ELSE design_id END,
    agreed_delivery_date = CASE kind WHEN 2 THEN pg_temp.agreed_date(agreed_delivery_date::date, days)
        ELSE agreed_delivery_date END,
    agreed_delivery_location_id = CASE kind
        WHEN 3 THEN agreed_delivery_location_id % (SELECT max(address_id) FROM address) + 1
        ELSE agreed_delivery_location_id END
FROM pg_temp.pick_rows(:seed, 'sales order', 24, (SELECT max(sales_order_id) FROM sales_order)) AS picked
WHERE sales_order_id = picked.id;

-- purchase_orders_edited --
UPDATE purchase_order SET
    staff_id = CASE kind WHEN 0 THEN staff_id % (SELECT max(staff_id) FROM staff) + 1 ELSE staff_id END,
    item_code = CASE kind WHEN 1 THEN reverse(item_code) || days ELSE item_code END,
    agreed_delivery_date = CASE kind WHEN 2 THEN pg_temp.agreed_date(agreed_delivery_date::date, days)
        ELSE agreed_delivery_date END,
    agreed_delivery_location_id = CASE kind
        WHEN 3 THEN agreed_delivery_location_id % (SELECT max(address_id) FROM address) + 1
        ELSE agreed_delivery_location_id END
FROM pg_temp.pick_rows(:seed, 'purchase order', 16, (SELECT max(purchase_order_id) FROM purchase_order)) AS picked
WHERE purchase_order_id = picked.id;

-- designs_edited --
UPDATE design SET file_location = regexp_replace(file_location, '/v\d+$', '') || '/v' || version + 1
FROM (
    SELECT id, coalesce(substring(file_location FROM '/v(\d+)$')::integer, 0) AS version
    FROM pg_temp.pick_rows(:seed, 'design', 20, (SELECT max(design_id) FROM design)) AS picked
    JOIN design ON design_id = id
) AS versioned
WHERE design_id = id;

-- payments_paid --
UPDATE payment SET paid = true, last_updated = :stamp
WHERE payment_id IN (
    SELECT payment_id FROM payment WHERE NOT paid
    ORDER BY payment_id LIMIT 20 + pg_temp.dice(:seed, 'payments paid', 0, 18)
);

-- sales_orders_added --
WITH ordered AS (
    INSERT INTO sales_order (created_at, last_updated, design_id, staff_id, counterparty_id, units_sold, unit_price,
        currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
    SELECT moment, moment, 1 + pg_temp.dice(:seed, 'new design', n, (SELECT max(design_id) FROM design)), sale.*
    FROM pg_temp.pick_moments(:seed, 'new sale', :sales, :stamp),
        pg_temp.draw_sale(hashint8extended(:seed, 1), n, moment) AS sale
    ORDER BY n
    RETURNING *
), billed AS (
    INSERT INTO transaction (transaction_type, sales_order_id, created_at, last_updated)
    SELECT 'SALE', sales_order_id, created_at, created_at FROM ordered ORDER BY sales_order_id
    RETURNING transaction_id, sales_order_id
)
INSERT INTO payment (created_at, last_updated, transaction_id, counterparty_id, payment_amount, currency_id,
    payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number)
SELECT created_at, created_at, transaction_id, counterparty_id, units_sold * unit_price, currency_id, 1, false,
    agreed_payment_date, pg_temp.account_number('company', currency_id),
    pg_temp.account_number('counterparty', counterparty_id)
FROM billed JOIN ordered USING (sales_order_id)
ORDER BY transaction_id;

-- purchase_orders_added --
WITH ordered AS (
    INSERT INTO purchase_order (created_at, last_updated, staff_id, counterparty_id, item_code, item_quantity,
        item_unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
    SELECT moment, moment, purchase.*
    FROM pg_temp.pick_moments(:seed, 'new purchase', :purchases, :stamp),
        pg_temp.draw_purchase(hashint8extended(:seed, 1), n, moment) AS purchase
    ORDER BY n
    RETURNING *
), billed AS (
    INSERT INTO transaction (transaction_type, purchase_order_id, created_at, last_updated)
    SELECT 'PURCHASE', purchase_order_id, created_at, created_at FROM ordered ORDER BY purchase_order_id
    RETURNING transaction_id, purchase_order_id
)
INSERT INTO payment (created_at, last_updated, transaction_id, counterparty_id, payment_amount, currency_id,
    payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number)
SELECT created_at, created_at, transaction_id, counterparty_id, item_quantity * item_unit_price, currency_id, 3, false,
    agreed_payment_date, pg_temp.account_number('company', currency_id),
    pg_temp.account_number('counterparty', counterparty_id)
FROM billed JOIN ordered USING (purchase_order_id)
ORDER BY transaction_id;

-- departments_moved --
UPDATE department SET
    department_name = split_part(department_name, ' team ', 1) || ' team ' || 1 + pg_temp.dice(:seed, 'team', 0, 999),
    location = CASE location WHEN 'Leeds' THEN 'Manchester' ELSE 'Leeds' END,
    last_updated = :stamp
WHERE department_id = (
    -- One that somebody works in, so that dim_staff must follow.
    SELECT department_id FROM staff WHERE staff_id = 1 + pg_temp.dice(:seed, 'colleague', 0, 20)
);

-- staff_moved --
UPDATE staff SET department_id = department_id % (SELECT max(department_id) FROM department) + 1, last_updated = :stamp
WHERE staff_id = 1 + pg_temp.dice(:seed, 'mover', 0, 20);

-- addresses_edited --
UPDATE address SET
    address_line_2 = 'Unit ' || 1 + pg_temp.dice(:seed, 'unit', 0, 9999),
    phone = '01632 96' || lpad(pg_temp.dice(:seed, 'phone', 0, 10000)::text, 4, '0'),
    last_updated = :stamp
WHERE address_id = (
    -- Somebody's legal address, so that dim_counterparty must follow as well as dim_location.
    SELECT legal_address_id FROM counterparty WHERE counterparty_id = 1 + pg_temp.dice(:seed, 'neighbour', 0, 20)
);
