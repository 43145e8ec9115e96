-- Keeping every index and foreign key up to date row by row costs more than building them all after the load.
CREATE TEMPORARY TABLE keys_set_aside ON COMMIT DROP AS
SELECT CASE contype WHEN 'p' THEN 1 ELSE 3 END AS place,
    format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS removal,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS restoration
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f')
UNION ALL
SELECT 2, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class AS entry ON entry.oid = indexrelid
WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid);

DO $$
DECLARE aside record;
BEGIN
    FOR aside IN SELECT * FROM keys_set_aside ORDER BY place DESC LOOP
        EXECUTE aside.removal;
    END LOOP;
END
$$;
