"""The whole check, as CI runs it: format, lint, types, import contracts, tests."""

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
STEPS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("mypy",),
    ("lint-imports",),
    ("pytest", "-n", "2", "--cov", "--cov-report", "term:skip-covered"),
)


def main() -> int:
    """Run every step, the tests last; the status is that of the last that failed.

    What failed is named again after pytest's closing line, where it is looked for.
    """
    worst, failed = 0, []
    for step in STEPS:
        sys.stdout.write(f"$ {' '.join(step)}\n")
        sys.stdout.flush()
        command, *rest = step
        more = sys.argv[1:] if command == "pytest" else []
        status = subprocess.run([BIN / command, *rest, *more], check=False).returncode
        if status:
            worst = status
            failed.append(" ".join(step))
    if failed:
        sys.stdout.write(f"failed: {'; '.join(failed)}\n")
    return worst


sys.exit(main())
