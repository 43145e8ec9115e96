/*
kind = "dimension"
key = "staff_id"
driving = "staff"

[lookups]
department = {}

[tests]
not_null = ["*"]
*/
SELECT
    staff.staff_id,
    staff.first_name,
    staff.last_name,
    department.department_name,
    -- The source lets a department have no location; the warehouse promises one, so it says Unknown
    -- rather than keep that department's staff, and all their orders, in quarantine.
    coalesce(department.location, 'Unknown') AS location,
    staff.email_address
