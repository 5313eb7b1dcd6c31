"""No test reaches the network or has a key to spend; random examples are the same everywhere."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from platformdirs import user_cache_path

settings.register_profile(
    "everywhere",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be
)
settings.register_profile(
    "endurance",
    settings.get_profile("everywhere"),
    derandomize=False,  # other examples with each run; a failure says how to see it again
    print_blob=True,
    max_examples=2_000,
)
settings.load_profile("everywhere")

_HERE = ("127.0.0.1", "::1", "localhost", "", "0.0.0.0")  # a test's own server


def _guard(event: str, args: tuple[Any, ...]) -> None:
    """Refuses every connection and every look-up that leaves this machine."""
    if event == "socket.connect":
        address = args[1]
        if isinstance(address, tuple) and address[0] not in _HERE:
            raise AssertionError(f"a test would connect to {address}")
    elif event == "socket.getaddrinfo" and not _is_here(args[0]):
        raise AssertionError(f"a test would look up {args[0]}")


def _is_here(host: Any) -> bool:
    """Names of this machine, and those that lead nowhere by their definition (RFC 6761)."""
    return host in (*_HERE, None, b"127.0.0.1", b"::1") or str(host).endswith(".invalid")


def _unheard(*_: object) -> None:
    """A signal that is heard here and changes nothing."""


# In the background of a shell Ctrl-C is ignored, under nohup a closed terminal; a process takes
# over what is ignored, so that a test could interrupt none. A handler is not taken over.
if threading.current_thread() is threading.main_thread():
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _unheard)
sys.addaudithook(_guard)
for name in [*os.environ]:
    if name.endswith(("_API_KEY", "_TOKEN")) or name.startswith(("OTEL_", "TRACE")):
        del os.environ[name]
for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "RUNNER_TRUST"):
    os.environ.pop(name, None)
# Nothing that the user of this machine trusts counts; what a test trusts, it keeps elsewhere.
os.environ["XDG_CONFIG_HOME"] = os.path.join(tempfile.gettempdir(), "no-such-configuration")  # noqa: PTH118
# What is kept for the next time is kept for the tests' own; the model is large and stays the same.
_CACHE = Path(tempfile.mkdtemp(prefix="runner-cache-"))
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
(_CACHE / "runner").mkdir()
for _model in user_cache_path("runner").glob("*.gguf"):
    (_CACHE / "runner" / _model.name).symlink_to(_model.resolve())
os.environ["XDG_CACHE_HOME"] = str(_CACHE)
