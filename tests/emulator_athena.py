"""What Athena understands and the second emulator's DuckDB does not: its dialect, and UNLOAD."""

import asyncio
import re
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlparse

import duckdb
import sqlglot
from ministack.services import athena, s3

UNLOAD = re.compile(r"UNLOAD \((.*)\) TO '([^']*)' WITH \(format = 'PARQUET', compression = 'SNAPPY'\)", re.DOTALL)


def of_its_dialect(run):
    """Return what runs a query, given what runs one of DuckDB's."""

    async def answer(query, database, catalog=None):
        unload = UNLOAD.fullmatch(query)
        if unload is None:
            return await run(_translated(query), database, catalog)
        relation, *_ = await athena._rewrite_data_paths(_translated(unload[1]), database, catalog)
        await asyncio.to_thread(_unload, relation, urlparse(unload[2]))
        return {"columns": [], "column_types": [], "rows": []}

    return answer


def _translated(query):
    (found,) = sqlglot.transpile(query, read="athena", write="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    return found


def _unload(relation, target):
    bucket, prefix = target.netloc, target.path.lstrip("/")
    if any(key.startswith(prefix) for key in s3._buckets[bucket]["objects"]):
        raise ValueError(f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target.geturl()}")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as engine:
        path = Path(folder) / "part"
        engine.execute(f"COPY ({relation}) TO '{path}' (FORMAT parquet)")
        body = path.read_bytes()
        s3._put_object(bucket, f"{prefix}{uuid.uuid4()}", body, {"content-length": str(len(body))})
