-- Readings within a range of degrees Celsius. `raw` is what came in during the run's window, a column for each field of
-- delivery.toml. Temperatures are rounded to two decimals: the sensors tell one of Fahrenheit, which is half of one of Celsius.
SELECT
    id,
    "objectKey",
    "sensorId",
    round(("rawTemperature" - 32) * 5 / 9, 2) AS temperature,
    "rawHumidity" AS humidity,
    "timestamp"
FROM raw
WHERE ("rawTemperature" - 32) * 5 / 9 BETWEEN :min_temperature AND :max_temperature
