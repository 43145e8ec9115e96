/*
kind = "calendar"
key = "date_id"

[tests]
not_null = "*"
*/
SELECT
    date AS date_id,
    CAST(year(date) AS INTEGER) AS year,
    CAST(month(date) AS INTEGER) AS month,
    CAST(day(date) AS INTEGER) AS day,
    CAST(isodow(date) AS INTEGER) AS day_of_week,  -- ISO: Monday is 1, Sunday is 7
    dayname(date) AS day_name,
    monthname(date) AS month_name,
    CAST(quarter(date) AS INTEGER) AS quarter
