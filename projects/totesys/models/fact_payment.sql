/*
kind = "fact"
key = "payment_id"
driving = "payment"
record_id = "payment_record_id"

[references]
created_date = "dim_date"
last_updated_date = "dim_date"
transaction_id = "dim_transaction"
counterparty_id = "dim_counterparty"
currency_id = "dim_currency"
payment_type_id = "dim_payment_type"
payment_date = "dim_date"

[tests]
not_null = "*"
*/
SELECT
    payment.payment_id,
    CAST(payment.created_at AS DATE) AS created_date,
    CAST(payment.created_at AS TIME) AS created_time,
    CAST(payment.last_updated AS DATE) AS last_updated_date,
    CAST(payment.last_updated AS TIME) AS last_updated_time,
    payment.transaction_id,
    payment.counterparty_id,
    payment.payment_amount,
    payment.currency_id,
    payment.payment_type_id,
    payment.paid,
    CAST(payment.payment_date AS DATE) AS payment_date
