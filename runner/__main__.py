"""`python -m runner`."""

from runner.cli.main import entry

entry()
