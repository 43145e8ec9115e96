/*
kind = "dimension"
key = "design_id"
driving = "design"

[tests]
not_null = "*"
*/
SELECT
    design.design_id,
    design.design_name,
    design.file_location,
    design.file_name
