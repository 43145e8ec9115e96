/*
kind = "dimension"
key = "location_id"
driving = "address"

[tests]
not_null = ["location_id", "address_line_1", "city", "postal_code", "country", "phone"]
*/
SELECT
    address.address_id AS location_id,
    address.address_line_1,
    address.address_line_2,
    address.district,
    address.city,
    address.postal_code,
    address.country,
    address.phone
