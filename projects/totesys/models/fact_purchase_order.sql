/*
kind = "fact"
key = "purchase_order_id"
driving = "purchase_order"
record_id = "purchase_record_id"

[references]
created_date = "dim_date"
last_updated_date = "dim_date"
staff_id = "dim_staff"
counterparty_id = "dim_counterparty"
currency_id = "dim_currency"
agreed_delivery_date = "dim_date"
agreed_payment_date = "dim_date"
agreed_delivery_location_id = "dim_location"

[types]
item_code = "character varying"

[tests]
not_null = "*"
*/
SELECT
    purchase_order.purchase_order_id,
    CAST(purchase_order.created_at AS DATE) AS created_date,
    CAST(purchase_order.created_at AS TIME) AS created_time,
    CAST(purchase_order.last_updated AS DATE) AS last_updated_date,
    CAST(purchase_order.last_updated AS TIME) AS last_updated_time,
    purchase_order.staff_id,
    purchase_order.counterparty_id,
    purchase_order.item_code,
    purchase_order.item_quantity,
    purchase_order.item_unit_price,
    purchase_order.currency_id,
    CAST(purchase_order.agreed_delivery_date AS DATE) AS agreed_delivery_date,
    CAST(purchase_order.agreed_payment_date AS DATE) AS agreed_payment_date,
    purchase_order.agreed_delivery_location_id
