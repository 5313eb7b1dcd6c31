"""`python -m runner`: nothing is imported from the folder where it runs."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # -m puts the folder there: its json.py would be taken for Python's own

from runner.cli.main import entry

entry()
