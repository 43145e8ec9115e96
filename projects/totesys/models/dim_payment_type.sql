/*
kind = "dimension"
key = "payment_type_id"
driving = "payment_type"

[tests]
not_null = "*"

[tests.accepted]
payment_type_name = ["SALES_RECEIPT", "SALES_REFUND", "PURCHASE_PAYMENT", "PURCHASE_REFUND"]
*/
SELECT
    payment_type.payment_type_id,
    payment_type.payment_type_name
