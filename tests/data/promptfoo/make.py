"""What promptfoo says of the answers of answers.json: its verdicts, for our checks to agree with.

python -m tests.data.promptfoo.make npx promptfoo@0.121.20: writes verdicts.json. No answer is asked
for: provider.mjs gives those that are recorded.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_QUIET = ("--no-cache", "--no-progress-bar", "--no-table", "--no-write")
_OFF = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}


def main(promptfoo: Sequence[str]) -> None:
    """Writes verdicts.json: by the metric of each assertion, + or - for each answer."""
    answers = json.loads((HERE / "answers.json").read_text())
    told = _evaluated(promptfoo, len(answers))
    rows = sorted(told["results"]["results"], key=lambda row: int(row["vars"]["index"]))
    assert len(rows) == len(answers)
    verdicts: dict[str, str] = {}
    for row in rows:
        for one in row["gradingResult"]["componentResults"]:
            is_set = "componentResults" in one  # its parts come again, and have no metric
            metric = "assert_set" if is_set else one["assertion"].get("metric")
            if metric is not None:
                verdicts[metric] = verdicts.get(metric, "") + ("+" if one["pass"] else "-")
    held = {"promptfoo": told["metadata"]["promptfooVersion"], "verdicts": verdicts}
    (HERE / "verdicts.json").write_text(json.dumps(held, indent=1) + "\n")


def _evaluated(promptfoo: Sequence[str], count: int) -> dict[str, Any]:
    config = (HERE / "promptfooconfig.yaml").read_text()
    tests = [{"vars": {"index": str(index)}} for index in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("provider.mjs", "answers.json"):
            (Path(folder) / name).write_text((HERE / name).read_text())
        made, out = Path(folder) / "promptfooconfig.yaml", Path(folder) / "out.json"
        made.write_text(f"{config}tests: {json.dumps(tests)}\n")
        subprocess.run(
            [*promptfoo, "eval", "-c", made, "-o", out, *_QUIET],
            env={**os.environ, **_OFF, "PROMPTFOO_CONFIG_DIR": folder},
            check=False,  # its status says that some assertions do not hold
        )
        told: dict[str, Any] = json.loads(out.read_text())
        return told


if __name__ == "__main__":
    main(sys.argv[1:])
