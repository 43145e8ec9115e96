/*
kind = "calendar"
key = "date_id"

[tests]
not_null = ["*"]
*/
SELECT
    calendar.date AS date_id,
    CAST(year(calendar.date) AS integer) AS year,
    CAST(month(calendar.date) AS integer) AS month,
    CAST(day(calendar.date) AS integer) AS day,
    CAST(isodow(calendar.date) AS integer) AS day_of_week,  -- Monday 1 ... Sunday 7
    dayname(calendar.date) AS day_name,
    monthname(calendar.date) AS month_name,
    CAST(quarter(calendar.date) AS integer) AS quarter
