"""kill -9 of an apply in batches, again and again, and what each of them cost."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.batch_server import BatchServer
from tests.harness.project import HANG, Process, Project

LEVELS = ("up", "middle", "down")


class BatchCrashes:
    """A graph of three levels of `width`, each answer in the prompt of the next."""

    def __init__(
        self, directory: Path, server: BatchServer, width: int, settle: float = 0.2
    ) -> None:
        self.project, self.server, self.width = Project(directory), server, width
        self.kills = 0
        self.project.write(
            f'[provider.openai]\nbase_url = "{server.url}"\n'
            f"[provider.openai.batch]\npoll = 0.01\nsettle = {settle}\n"
            + "".join(map(self._block, range(len(LEVELS))))
        )

    def _block(self, level: int) -> str:
        before = "{{ completion." + LEVELS[level - 1] + "[count.index].content }}"
        prompt = f"{LEVELS[level]} {{{{ count.index }}}} {before if level else ''}"
        return (
            f'[completion.{LEVELS[level]}]\nmodel = "gpt-4o"\ncount = {self.width}\n'
            f"messages = [{{ role = 'user', content = '{prompt}' }}]\n"
        )

    def start(self, *flags: str) -> Process:
        return self.project.start("apply", "--auto-approve", "--batch", "--quiet", *flags)

    def kill(self, due: Callable[[float], bool]) -> bool:
        """Starts an apply and kills it when it is `due`, by the seconds since; False if it ended
        first.
        """
        process = self.start()
        began = time.monotonic()
        while process.poll() is None:
            if due(time.monotonic() - began):
                process.kill()
                break
            time.sleep(0.001)
        killed = process.wait() == -9
        _, err = process.communicate()
        assert killed or process.returncode == 0, err
        self.kills += killed
        return killed

    def kill_after(self, number: int) -> bool:
        """Kills an apply some moment after its so-manieth request."""
        asked: list[str] = []
        self.server.read = asked.append
        killed = self.kill(lambda _: len(asked) >= number)
        self.server.read = lambda _: None
        return killed

    def kill_at(self, what: str, number: int = 1) -> bool:
        """Kills an apply as its so-manieth request of this kind is read, before it is answered."""
        left = [number]
        process: list[Process] = []

        def read(asked: str) -> None:
            if asked.startswith(what):
                left[0] -= 1
                if not left[0]:
                    while not process:
                        time.sleep(0.001)
                    process[0].kill()
                    process[0].wait()

        self.server.read = read
        process.append(self.start())
        process[0].communicate(timeout=HANG)
        self.server.read = lambda _: None
        self.kills += process[0].returncode == -9
        return process[0].returncode == -9

    def finish(self) -> None:
        """The apply that is let be; nothing was lost, and nothing paid twice."""
        process = self.start()
        _, err = process.communicate(timeout=HANG)
        assert process.returncode == 0, err
        twice = {prompt: times for prompt, times in self.server.paid.items() if times > 1}
        assert not twice
        assert len(self.server.paid) == len(LEVELS) * self.width
        found = self.project.outputs["down"]
        assert [one.split()[:3] for one in found] == [
            ["echo:", "down", str(index)] for index in range(self.width)
        ]
        made = len(self.server.batches)
        assert self.project.run("apply", "--auto-approve", "--batch").status == 0
        assert len(self.server.batches) == made
        left = (self.project.directory / "state/cache/batches").glob("*")
        assert not [path for path in left if path.suffix != ".tmp"]
