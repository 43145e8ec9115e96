"""Names of types: read from what people write, and spelled as the server does."""

import re

from utils.errors import ConfigurationError
from utils.postgres.session import Session

SPELLED = re.compile(r'[A-Za-z_"][\w ".]*(\(\s*\d+\s*(,\s*-?\d+\s*)?\))?[\w ]*(\[\])*')


def spell_types(session: Session, types: list[str]) -> dict[str, str]:
    """Return each type's name as the server itself spells it."""
    if not types:
        return {}
    for name in types:
        _check_spelling(name)
    session.run(f"SELECT {', '.join(f'NULL::{name}' for name in types)} LIMIT 0")
    found = [(column["type_oid"], column["type_modifier"]) for column in session.columns]
    spelled = session.run(
        "SELECT pg_catalog.format_type(oid::oid, modifier::integer)"
        " FROM unnest(CAST(:oids AS bigint[]), CAST(:modifiers AS integer[])) WITH ORDINALITY"
        " AS given (oid, modifier, place) ORDER BY place",
        oids=[oid for oid, _ in found],
        modifiers=[modifier for _, modifier in found],
    )
    return {name: row[0] for name, row in zip(types, spelled or [], strict=True)}


def _check_spelling(spelled: str) -> None:
    """Refuse what is not a type's name, for a type can be neither bound nor quoted in a statement."""
    if not SPELLED.fullmatch(spelled):
        raise ConfigurationError(f"{spelled!r} is not the name of a PostgreSQL type. Correct it where it is written.")
