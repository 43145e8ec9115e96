/*
kind = "dimension"
key = "currency_id"
driving = "currency"

# A code that the file lacks has no name, fails not_null and waits in quarantine: add it to the file.
[lookups]
names = { file = "currency_names.csv", on = "currency_code" }

[tests]
not_null = ["*"]
*/
SELECT
    currency.currency_id,
    currency.currency_code,
    names.currency_name
