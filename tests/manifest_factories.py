"""Manifests and their parts with full defaults."""

from utils.manifest import Column, LandingManifest, ProcessedManifest, Snapshot, SourceTable


def snapshot(**changes):
    values = {
        "horizon": 1000,
        "next_xid": 1000,
        "system_identifier": "7000000000000000001",
        "timeline": 1,
        "in_recovery": False,
        "taken_at": "2024-11-21T12:00:00.000000+00:00",
    }
    return Snapshot(**values | changes)


def column(name, **changes):
    values = {"name": name, "type": "integer", "declared": "integer", "not_null": False}
    return Column(**values | changes)


def source_table(name="staff", **changes):
    values = {
        "name": name,
        "columns": (column("id", not_null=True), column("name", type="text", declared="text")),
        "primary_key": ("id",),
        "unique_keys": (("id",),),
        "foreign_keys": (),
        "mode": "changes",
        "whole": True,
        "cursor": None,
        "high_water_mark": None,
        "previous_high_water_mark": None,
    }
    return SourceTable(**values | changes)


def landing_manifest(**changes):
    values = {
        "number": 1,
        "run_id": "run-1",
        "token": "aaaa0001",
        "started_at": "2024-11-21T12:00:00+00:00",
        "project": "test",
        "predecessor": None,
        "base": 1,
        "snapshot": snapshot(),
        "tables": (source_table(),),
    }
    return LandingManifest(**values | changes)


def processed_manifest(**changes):
    values = {
        "number": 1,
        "attempt": 1,
        "run_id": "run-1",
        "project": "test",
        "landing": "c" * 64,
        "predecessor": None,
        "base": 1,
        "snapshot": snapshot(),
        "calendar": None,
        "tables": (),
    }
    return ProcessedManifest(**values | changes)
