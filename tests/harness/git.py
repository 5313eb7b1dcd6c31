"""A repository that a test makes, by the git program itself."""

import os
import subprocess
from pathlib import Path

WHO = {"GIT_AUTHOR_NAME": "Ada", "GIT_COMMITTER_NAME": "Ada"}
WHO |= {"GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_EMAIL": "ada@example.com"}


class GitFolder:
    """A repository in a folder. Each commit is a minute later than the one before, so that their
    order is known; no configuration of the user's counts.
    """

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        self._minutes = 0
        path.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main", *init)

    def __call__(self, *words: str, fails: bool = False, data: bytes | None = None) -> str:
        """What a git command writes; `fails` says that it may end badly."""
        moment = f"2026-01-01T{self._minutes // 60:02}:{self._minutes % 60:02}:00Z"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment = {
            **kept, **WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment,
        }  # fmt: skip
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=environment, capture_output=True, check=False,
            input=data,
        )  # fmt: skip
        assert fails or not done.returncode, (words, done.stderr)
        return done.stdout.decode(errors="replace").rstrip("\n")

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self, subject: str, **files: str | bytes) -> str:
        """A commit of all that stands there, and of these files; its id."""
        for name, content in files.items():
            self.write(name, content)
        self._minutes += 1
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", subject)
        return self("rev-parse", "HEAD")
