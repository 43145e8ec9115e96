"""Every benchmark, one after another: `make bench`."""

from benchmarks import changes, delta, endurance, extraction, files, files_load, ingest, load, transformation


def main() -> None:
    """Run them all; each prints its own figures."""
    for benchmark in (extraction, transformation, load, files, files_load, delta, changes, ingest, endurance):
        print(f"\n== {benchmark.__doc__}", flush=True)
        benchmark.main()


main()
