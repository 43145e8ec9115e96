/*
kind = "dimension"
key = "payment_type_id"
driving = "payment_type"

[tests]
not_null = ["*"]
*/
SELECT
    payment_type.payment_type_id,
    payment_type.payment_type_name
