-- What the other files draw their values from. Temporary, so that the source's schema holds nothing of ours;
-- plain SQL, so that the planner folds them into the statement and millions of calls cost no call.

-- A number from 0 to sides - 1: the same for the same seed, subject and id, on every server and in every session.
CREATE OR REPLACE FUNCTION pg_temp.dice(seed bigint, subject text, id bigint, sides bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(id, hashtextextended(subject, seed)) & 9223372036854775807) % sides
$$;

-- The instant that many milliseconds of office hours (08:30 to 17:30, Monday to Friday) after Friday 2022-11-04.
CREATE OR REPLACE FUNCTION pg_temp.office_time(elapsed bigint) RETURNS timestamp
LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamp '2022-10-31 08:30'
        + ((elapsed / 32400000 + 4) / 5 * 7 + (elapsed / 32400000 + 4) % 5) * interval '1 day'
        + elapsed % 32400000 * interval '1 millisecond'
$$;

-- A text date, one to so many days later. Not a cast: that would follow the session's DateStyle.
CREATE OR REPLACE FUNCTION pg_temp.agreed_date(since timestamp, days bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(since + (1 + days) * interval '1 day', 'YYYY-MM-DD')
$$;

CREATE OR REPLACE FUNCTION pg_temp.account_number(owner text, id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT 10000000 + pg_temp.dice(0, owner, id, 90000000)
$$;

CREATE OR REPLACE FUNCTION pg_temp.draw_sale(seed bigint, id bigint, since timestamp) RETURNS TABLE (
    staff_id bigint, counterparty_id bigint, units_sold bigint, unit_price numeric, currency_id bigint,
    agreed_delivery_date text, agreed_payment_date text, agreed_delivery_location_id bigint
)
LANGUAGE sql STABLE AS $$
    SELECT 1 + pg_temp.dice(seed, 'sale staff', id, 20),
        1 + pg_temp.dice(seed, 'sale counterparty', id, 20),
        1000 + pg_temp.dice(seed, 'sale units', id, 99001),
        (200 + pg_temp.dice(seed, 'sale price', id, 201))::numeric / 100,
        1 + pg_temp.dice(seed, 'sale currency', id, 3),
        pg_temp.agreed_date(since, pg_temp.dice(seed, 'sale delivery', id, 7)),
        pg_temp.agreed_date(since, pg_temp.dice(seed, 'sale payment', id, 7)),
        1 + pg_temp.dice(seed, 'sale location', id, 30)
$$;

CREATE OR REPLACE FUNCTION pg_temp.draw_purchase(seed bigint, id bigint, since timestamp) RETURNS TABLE (
    staff_id bigint, counterparty_id bigint, item_code text, item_quantity bigint, item_unit_price numeric,
    currency_id bigint, agreed_delivery_date text, agreed_payment_date text, agreed_delivery_location_id bigint
)
LANGUAGE sql STABLE AS $$
    SELECT 1 + pg_temp.dice(seed, 'purchase staff', id, 20),
        1 + pg_temp.dice(seed, 'purchase counterparty', id, 20),
        -- Hexadecimal on purpose: some codes are all digits, begin with 0, or look like 12E4567.
        lpad(upper(to_hex(pg_temp.dice(seed, 'purchase code', id, 268435456))), 7, '0'),
        1 + pg_temp.dice(seed, 'purchase quantity', id, 1000),
        (300 + pg_temp.dice(seed, 'purchase price', id, 99701))::numeric / 100,
        1 + pg_temp.dice(seed, 'purchase currency', id, 3),
        pg_temp.agreed_date(since, pg_temp.dice(seed, 'purchase delivery', id, 7)),
        pg_temp.agreed_date(since, pg_temp.dice(seed, 'purchase payment', id, 7)),
        1 + pg_temp.dice(seed, 'purchase location', id, 30)
$$;

-- What each order is billed: one transaction, one payment. Sales and purchases take their transaction ids in turns,
-- in proportion to their numbers, so that ids follow the calendar.
CREATE OR REPLACE FUNCTION pg_temp.draw_bills(sales bigint, purchases bigint) RETURNS TABLE (
    transaction_id bigint, transaction_type "TransactionType", sales_order_id integer, purchase_order_id integer,
    created_at timestamp, counterparty_id integer, amount numeric, currency_id integer, payment_date text
)
LANGUAGE sql STABLE AS $$
    SELECT (sales_order_id - 1) * (sales + purchases) / sales + 1, 'SALE'::"TransactionType",
        sales_order_id, NULL::integer,
        created_at, counterparty_id, units_sold * unit_price, currency_id, agreed_payment_date
    FROM sales_order
    UNION ALL
    SELECT (purchase_order_id * (sales + purchases) + purchases - 1) / purchases, 'PURCHASE'::"TransactionType",
        NULL::integer, purchase_order_id,
        created_at, counterparty_id, item_quantity * item_unit_price, currency_id, agreed_payment_date
    FROM purchase_order
$$;

-- About so many rows to edit, each with the kind of edit and a number of days.
CREATE OR REPLACE FUNCTION pg_temp.pick_rows(seed bigint, subject text, size bigint, highest bigint)
RETURNS TABLE (id bigint, kind bigint, days bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (id) id,
        pg_temp.dice(seed, subject || ' kind', n, 4), pg_temp.dice(seed, subject || ' days', n, 5)
    FROM (SELECT n, 1 + pg_temp.dice(seed, subject, n, highest) AS id FROM generate_series(1, size) AS n) AS picked
    ORDER BY id, n
$$;

-- So many moments in the minute after the stamp, in no order.
CREATE OR REPLACE FUNCTION pg_temp.pick_moments(seed bigint, subject text, size bigint, stamp timestamp)
RETURNS TABLE (n bigint, moment timestamp)
LANGUAGE sql STABLE AS $$
    SELECT n, stamp + pg_temp.dice(seed, subject, n, 60000) * interval '1 millisecond'
    FROM generate_series(1, size) AS n
$$;
