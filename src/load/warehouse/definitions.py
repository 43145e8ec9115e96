"""With which definition of its model each table was built; a changed model applies to rows as they change."""

import json
from collections.abc import Iterable, Mapping

from load.warehouse import ledger
from utils.manifest import WarehouseTable
from utils.postgres.session import Session

FORGET = "DELETE FROM starlift.models WHERE model = ANY (CAST(:models AS text[]))"
REMEMBER = """
INSERT INTO starlift.models (model, definition, built_batch)
SELECT model, definition, :batch FROM jsonb_to_recordset(CAST(:models AS jsonb)) AS given (model text, definition text)
ON CONFLICT (model) DO NOTHING
"""


def remember(session: Session, tables: Iterable[WarehouseTable], built: Iterable[str], batch: int) -> None:
    """Record the definitions of tables that were built just now, and of those of which none is known."""
    given = [{"model": table.name, "definition": table.definition} for table in tables if table.definition]
    if built := list(built):
        session.run(FORGET, models=built)
    session.run(REMEMBER, models=json.dumps(given), batch=batch)


def changed_models(session: Session, definitions: Mapping[str, str]) -> list[str]:
    """Return the models that differ from what their tables were built with."""
    if not ledger.exists(session, "models"):
        return []
    built = {row["model"]: row["definition"] for row in session.rows("SELECT model, definition FROM starlift.models")}
    return sorted(model for model, found in definitions.items() if built.get(model, found) != found)
