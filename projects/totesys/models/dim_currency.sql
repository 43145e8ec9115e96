/*
kind = "dimension"
key = "currency_id"
driving = "currency"

[lookups]
name = { file = "currency_names.csv", on = "currency_code" }

# A code that the file does not know fails this test: its row waits in quarantine until the file has it.
[tests]
not_null = "*"
*/
SELECT
    currency.currency_id,
    currency.currency_code,
    name.currency_name
