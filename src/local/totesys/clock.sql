-- The time of the next burst: some minutes of office hours after the last, whatever the clock on the wall says.
SELECT later + CASE WHEN later::time < time '17:00' THEN interval '0'
    WHEN extract(isodow FROM later) = 5 THEN interval '64 hours'
    ELSE interval '16 hours' END
FROM (
    SELECT greatest(
        timestamp '2024-11-01 08:30',
        (SELECT max(last_updated) FROM department),
        (SELECT created_at FROM sales_order ORDER BY sales_order_id DESC LIMIT 1)
    ) + (300000 + pg_temp.dice(:seed, 'pause', 0, 3600000)) * interval '1 millisecond' AS later
) AS pause;
