/*
kind = "dimension"
key = "transaction_id"
driving = "transaction"

[tests]
not_null = ["transaction_id", "transaction_type"]
*/
SELECT
    transaction.transaction_id,
    transaction.transaction_type,
    transaction.sales_order_id,
    transaction.purchase_order_id
