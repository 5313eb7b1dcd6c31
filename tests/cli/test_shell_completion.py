import shutil
import subprocess
from pathlib import Path

import pytest

from runner.cli.parser.verbs import VERBS
from tests.harness.project import Project


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_the_script_knows_every_verb(tmp_path: Path, shell: str) -> None:
    ran = Project(tmp_path / "p").call("shell-completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert all(verb in ran.out for verb in VERBS)


def test_bash_completes_verbs_and_flags(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    script = tmp_path / "runner.bash"
    script.write_text(Project(tmp_path / "p").call("shell-completion", "bash").out)

    def complete(*words: str) -> list[str]:
        listed = " ".join(f"'{word}'" for word in words)
        asked = (
            f"source '{script}'; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
            f'_shtab_runner runner "{words[-1]}" "{words[-2]}"; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        done = subprocess.run([bash, "-c", asked], capture_output=True, text=True, check=False)
        return done.stdout.split()

    assert complete("runner", "va") == ["validate"]
    assert "--detailed-exitcode" in complete("runner", "plan", "--det")
    assert complete("runner", "state", "pu") == ["pull", "push"]


def test_an_unknown_shell_is_an_error(tmp_path: Path) -> None:
    ran = Project(tmp_path / "p").call("shell-completion", "csh")
    assert ran.status == 1
    assert "tcsh" in ran.err
