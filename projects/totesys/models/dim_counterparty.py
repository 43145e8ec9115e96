"""
kind = "dimension"
key = "counterparty_id"
driving = "counterparty"

[lookups]
address = { on = "legal_address_id" }

[types]
counterparty_id = "integer"
counterparty_legal_name = "text"
counterparty_legal_address_line_1 = "text"
counterparty_legal_address_line_2 = "text"
counterparty_legal_district = "text"
counterparty_legal_city = "text"
counterparty_legal_postal_code = "text"
counterparty_legal_country = "text"
counterparty_legal_phone_number = "text"

[tests]
not_null = [
    "counterparty_id", "counterparty_legal_name", "counterparty_legal_address_line_1", "counterparty_legal_city",
    "counterparty_legal_postal_code", "counterparty_legal_country", "counterparty_legal_phone_number",
]
"""

import pandas as pd

ADDRESS = ["address_line_1", "address_line_2", "district", "city", "postal_code", "country", "phone_number"]


def build(counterparty: pd.DataFrame, address: pd.DataFrame) -> pd.DataFrame:
    """Return counterparties with every column of their legal address behind one prefix."""
    legal = address.rename(columns={"phone": "phone_number"})[ADDRESS].add_prefix("counterparty_legal_")
    return counterparty[["counterparty_id", "counterparty_legal_name"]].join(legal)
