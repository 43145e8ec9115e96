"""`python -m cli`: the starlift command."""

from cli.main import main

main()
