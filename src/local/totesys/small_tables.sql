-- The tables that keep their size. Every name is made up; the misspelt "Leds", the apostrophes and the absent lines are
-- what the real ones hold.

INSERT INTO address (address_id, address_line_1, address_line_2, district, city, postal_code, country, phone,
    created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, '1 Lantern Row', NULL, 'Avonshire', 'Larkhampton', '04101', 'United Kingdom', '01632 960037'),
    (2, '17 Fictus Fields', NULL, NULL, 'Dunmarrow', 'DM4 9QQ', 'United Kingdom', '01632 960074'),
    (3, '140 Sample Street', NULL, NULL, 'Berlin', '10999', 'Germany', '01632 960111'),
    (4, '61 Placeholder Parade', NULL, 'Bedmarch', 'Lake Quill', '00501', 'United States', '01632 960148'),
    (5, '3400 Dummy Dell', 'Upper Imaginary Wing', NULL, 'Port Nowhere', 'X0X 0X0', 'Canada', '01632 960185'),
    (6, '72 Mock Meadow', NULL, 'Wexmere', 'Westbarrow', 'AB0 1CD', 'United Kingdom', '01632 960222'),
    (7, '84 Template Turnpike', NULL, NULL, 'Lyon', '69003', 'France', '01632 960259'),
    (8, '756 Nobody''s Walk', NULL, NULL, 'Milano', '20121', 'Italy', '01632 960296'),
    (9, '057 Duck & Drake Row', 'Suite 14', 'Buckmere', 'Nowhere-on-Sea', 'NS1 0AA', 'United Kingdom', '01632 960333'),
    (10, '64 Elsewhere Estate', NULL, NULL, 'Malmö', '211 20', 'Sweden', '01632 960370'),
    (11, '511 Makebelieve Mews', 'Apt. 7', NULL, 'Kraków', '30-001', 'Poland', '01632 960407'),
    (12, '36 Goodname Springs', NULL, NULL, 'São Paulo', '01310-000', 'Brazil', '01632 960444'),
    (13, '13 Example Elms', NULL, 'Bordershire', 'Testbury', 'TB1 1ZZ', 'United Kingdom', '01632 960481'),
    (14, '220 Cardboard Copse', NULL, NULL, 'Utrecht', '3511', 'Netherlands', '01632 960518'),
    (15, '96 Rumour Rise', NULL, 'Oxmoor', 'Samplewick', 'SW0 0SW', 'United Kingdom', '01632 960555'),
    (16, '49 Crook, Court & Close', NULL, NULL, 'Gent', '9000', 'Belgium', '01632 960592'),
    (17, '240 Hypothetical Hill', 'Floor 3', 'Cambermere', 'Draftford', 'DF7 7DF', 'United Kingdom', '01632 960629'),
    (18, '843 Daydream Dale', NULL, NULL, 'Oslo', '0150', 'Norway', '01632 960666'),
    (19, '25 Unlikely Underpass', NULL, 'Tentshire', 'Lorem', 'LM2 2LM', 'United Kingdom', '01632 960703'),
    (20, '377 Hearsay Heights', NULL, NULL, 'Porto', '4000-001', 'Portugal', '01632 960740'),
    (21, '961 Testcase Terrace', NULL, NULL, 'Kraków', '30-002', 'Poland', '01632 960777'),
    (22, '570 Invented Island', 'Unit 7', NULL, 'Auckland', '1010', 'New Zealand', '01632 960814'),
    (23, '52 Placebo Park', NULL, 'Nilshire', 'Nullham', 'NL9 9NL', 'United Kingdom', '01632 960851'),
    (24, '73 Whatnot Wharf', NULL, NULL, 'Nairobi', '00100', 'Kenya', '01632 960888'),
    (25, '028 Cloudy Crossing', NULL, NULL, 'Osaka', '530-0001', 'Japan', '01632 960925'),
    (26, '22 Fable Freeway', 'Block C', 'Dorling', 'Stubton', 'ST0 8BB', 'United Kingdom', '01632 960962'),
    (27, '517 Mirage Mall', NULL, NULL, 'Austin', '73301', 'United States', '01632 960999'),
    (28, '4411 Notional North', NULL, NULL, 'Toronto', 'M5H 2N2', 'Canada', '01632 960036'),
    (29, '9 Void Vale', NULL, 'Emptyshire', 'Gap-under-Hill', 'GP1 0GH', 'United Kingdom', '01632 960073'),
    (30, '80 Someday Square', NULL, NULL, 'Dublin', 'D02 XY45', 'Ireland', '01632 960110')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:49.962' AS at) AS opened;

INSERT INTO counterparty (counterparty_id, counterparty_legal_name, legal_address_id, commercial_contact,
    delivery_contact, created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, 'Fabrikat and Sons', 12, 'Magdalora Draftwell', 'Zabrinka Dummond'),
    (2, 'Lemming Make-Believe Inc', 23, 'Barnaboo Nomansky', 'Perdika Fictus'),
    (3, 'Armadale, Yonder and Spruce', 4, 'Dorbenal Samplesmith', 'Mirabolt Brewsample'),
    (4, 'Kapok-Placeholder', 15, 'Quentissa Pretendle', 'Thaddeon Placeholt'),
    (5, 'Mock & Mock Ltd', 26, 'Ophelina Frantastic', 'Egbertus Inventson'),
    (6, 'Wholly Invented Group', 7, 'Jubilitta Glovemock', 'Flavourino Testerton'),
    (7, 'Müller-Beispiel GmbH', 18, NULL, 'Wilhelmo Mockridge'),
    (8, 'Nobody''s Trading Company', 29, 'Castorix O''Keefe', 'Rosamundo Fauxley'),
    (9, 'Ipsum Dolor plc', 10, 'Anagram-Test Stubbing', 'Piercival Imaginoff'),
    (10, 'Sample Sample and Sample', 21, 'Zabrinka Dummond', 'Ludovika Earthanaut'),
    (11, 'Hypothetica SA', 2, 'Perdika Fictus', 'Jolliana Dunnotrue'),
    (12, 'Tote-a-Lee-Doo', 13, 'Mirabolt Brewsample', 'Magdalora Draftwell'),
    (13, 'Untrue Brothers', 24, 'Thaddeon Placeholt', 'Barnaboo Nomansky'),
    (14, 'Foobar, Baz and Qux', 5, NULL, 'Dorbenal Samplesmith'),
    (15, 'Dummydale Wholesale', 16, 'Flavourino Testerton', 'Quentissa Pretendle'),
    (16, 'Société Exemplaire', 27, 'Wilhelmo Mockridge', 'Ophelina Frantastic'),
    (17, 'Ficticia SpA', 8, 'Rosamundo Fauxley', 'Jubilitta Glovemock'),
    (18, 'Quux Logistics', 19, 'Piercival Imaginoff', 'Oswinna Fableworth'),
    (19, 'Null Island Freight', 30, 'Ludovika Earthanaut', 'Castorix O''Keefe'),
    (20, 'The "Nearly Real" Bag Company', 11, 'Jolliana Dunnotrue', 'Anagram-Test Stubbing')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:51.563' AS at) AS opened;

INSERT INTO currency (currency_id, currency_code, created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, 'GBP'),
    (2, 'USD'),
    (3, 'EUR')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:49.962' AS at) AS opened;

INSERT INTO department (department_id, department_name, location, manager, created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, 'Sales', 'Manchester', 'Ophelina Frantastic'),
    (2, 'Purchasing', 'Manchester', 'Jubilitta Glovemock'),
    (3, 'Production', 'Leeds', 'Oswinna Fableworth'),
    (4, 'Dispatch', 'Leds', 'Castorix O''Keefe'),
    (5, 'Finance', 'Manchester', 'Anagram-Test Stubbing'),
    (6, 'Facilities', 'Manchester', 'Zabrinka Dummond'),
    (7, 'Communications', 'Leeds', 'Perdika Fictus'),
    (8, 'HR', 'Leeds', 'Mirabolt Brewsample')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:49.962' AS at) AS opened;

INSERT INTO payment_type (payment_type_id, payment_type_name, created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, 'SALES_RECEIPT'::"PaymentTypeName"),
    (2, 'SALES_REFUND'),
    (3, 'PURCHASE_PAYMENT'),
    (4, 'PURCHASE_REFUND')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:49.962' AS at) AS opened;

INSERT INTO staff (staff_id, first_name, last_name, department_id, email_address, created_at, last_updated)
SELECT made.*, opened.at, opened.at
FROM (VALUES
    (1, 'Jolliana', 'Frantastic', 6, 'jolliana.frantastic@terrifictotes.example'),
    (2, 'Dorbenal', 'Brewsample', 3, 'dorbenal.brewsample@terrifictotes.example'),
    (3, 'Jubilitta', 'Earthanaut', 8, 'jubilitta.earthanaut@terrifictotes.example'),
    (4, 'Anagram-Test', 'Glovemock', 5, 'anagram-test.glovemock@terrifictotes.example'),
    (5, 'Mirabolt', 'Placeholt', 2, 'mirabolt.placeholt@terrifictotes.example'),
    (6, 'Flavourino', 'Dunnotrue', 7, 'flavourino.dunnotrue@terrifictotes.example'),
    (7, 'Piercival', 'Fableworth', 4, 'piercival.fableworth@terrifictotes.example'),
    (8, 'Magdalora', 'Inventson', 1, 'magdalora.inventson@terrifictotes.example'),
    (9, 'Quentissa', 'Draftwell', 6, 'quentissa.draftwell@terrifictotes.example'),
    (10, 'Oswinna', 'O''Keefe', 3, 'oswinna.o''keefe@terrifictotes.example'),
    (11, 'Zabrinka', 'Testerton', 8, 'zabrinka.testerton@terrifictotes.example'),
    (12, 'Thaddeon', 'Nomansky', 5, 'thaddeon.nomansky@terrifictotes.example'),
    (13, 'Wilhelmo', 'Stubbing', 2, 'wilhelmo.stubbing@terrifictotes.example'),
    (14, 'Ludovika', 'Mockridge', 7, 'ludovika.mockridge@terrifictotes.example'),
    (15, 'Barnaboo', 'Samplesmith', 4, 'barnaboo.samplesmith@terrifictotes.example'),
    (16, 'Ophelina', 'Dummond', 1, 'ophelina.dummond@terrifictotes.example'),
    (17, 'Castorix', 'Fauxley', 6, 'castorix.fauxley@terrifictotes.example'),
    (18, 'Perdika', 'Pretendle', 3, 'perdika.pretendle@terrifictotes.example'),
    (19, 'Egbertus', 'Fictus', 8, 'egbertus.fictus@terrifictotes.example'),
    (20, 'Rosamundo', 'Imaginoff', 5, 'rosamundo.imaginoff@terrifictotes.example')
) AS made,
    (SELECT timestamp '2022-11-03 14:20:51.563' AS at) AS opened;

INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
VALUES ('00000000-0000-4000-8000-000000000001', repeat('0', 64), '2022-11-03 14:00:01Z', '20221103140000_init',
    '2022-11-03 14:00:00Z', 1);
