"""Every benchmark, one after another: `make bench`."""

from benchmarks import endurance, extraction, ingest, load, transformation


def main() -> None:
    """Run them all; each prints its own figures."""
    for benchmark in (extraction, transformation, load, ingest, endurance):
        print(f"\n== {benchmark.__doc__}", flush=True)
        benchmark.main()


main()
