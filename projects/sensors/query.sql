SELECT
    id,
    "objectKey",
    "sensorId",
    ("rawTemperature" - 32) * 5 / 9 AS temperature,
    "rawHumidity" AS humidity,
    "timestamp"
FROM raw
WHERE ("rawTemperature" - 32) * 5 / 9 BETWEEN :min_temperature AND :max_temperature
