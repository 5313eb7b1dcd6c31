"""`python -m runner`: nothing is imported from the folder where it runs."""

import sys

# An older Python has to read this file, and `runner/__init__.py`, as far as this line.
if sys.version_info < (3, 11):  # noqa: UP036
    found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.exit("The runner needs Python 3.11 or newer, and this is Python " + found + ".")

if not sys.flags.safe_path:
    del sys.path[0]  # -m puts the folder there: its json.py would be taken for Python's own

from runner.cli.main import entry

entry()
