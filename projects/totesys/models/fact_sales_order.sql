/*
kind = "fact"
key = "sales_order_id"
driving = "sales_order"
record_id = "sales_record_id"

[references]
created_date = "dim_date"
last_updated_date = "dim_date"
sales_staff_id = "dim_staff"
counterparty_id = "dim_counterparty"
currency_id = "dim_currency"
design_id = "dim_design"
agreed_payment_date = "dim_date"
agreed_delivery_date = "dim_date"
agreed_delivery_location_id = "dim_location"

[tests]
not_null = "*"
*/
SELECT
    sales_order.sales_order_id,
    CAST(sales_order.created_at AS DATE) AS created_date,
    CAST(sales_order.created_at AS TIME) AS created_time,
    CAST(sales_order.last_updated AS DATE) AS last_updated_date,
    CAST(sales_order.last_updated AS TIME) AS last_updated_time,
    sales_order.staff_id AS sales_staff_id,
    sales_order.counterparty_id,
    sales_order.units_sold,
    sales_order.unit_price,
    sales_order.currency_id,
    sales_order.design_id,
    CAST(sales_order.agreed_payment_date AS DATE) AS agreed_payment_date,
    CAST(sales_order.agreed_delivery_date AS DATE) AS agreed_delivery_date,
    sales_order.agreed_delivery_location_id
