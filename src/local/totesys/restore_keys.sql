-- Puts the keys back as they were, which checks every row, and every sequence behind the last id of its table.
DO $$
DECLARE aside record;
BEGIN
    FOR aside IN SELECT * FROM keys_set_aside ORDER BY place LOOP
        EXECUTE aside.restoration;
    END LOOP;
END
$$;

DO $$
DECLARE owned record;
BEGIN
    FOR owned IN
        SELECT s.oid::regclass AS sequence_name, d.refobjid::regclass AS table_name, a.attname AS column_name
        FROM pg_class AS s
        JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype = 'a' AND d.refobjsubid > 0
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM %s',
            owned.sequence_name, owned.column_name, owned.table_name);
    END LOOP;
END
$$;

ANALYZE;
