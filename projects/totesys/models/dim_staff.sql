/*
kind = "dimension"
key = "staff_id"
driving = "staff"

[lookups]
department = {}

[tests]
not_null = "*"
*/
SELECT
    staff.staff_id,
    staff.first_name,
    staff.last_name,
    department.department_name,
    -- The source allows a department without a location; reports group by it, so it gets a name instead of a hole.
    coalesce(department.location, 'Unknown') AS location,
    staff.email_address
