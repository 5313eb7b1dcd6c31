"""The Batch API as others wrote it, stopped by who asked for it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.batch_server import serving_batches
from tests.harness.object_stores import _free_port, _running, need
from tests.harness.project import trusting

_OGX = """
version: 2
distro_name: tested
apis: [batches, files, inference]
providers:
  inference:
  - provider_id: ours
    provider_type: remote::vllm
    config: {{base_url: "{url}", api_token: fake}}
  files:
  - provider_id: local
    provider_type: inline::localfs
    config:
      storage_dir: {home}/files
      metadata_store: {{table_name: files_metadata, backend: sql}}
  batches:
  - provider_id: reference
    provider_type: inline::reference
    config: {{sqlstore: {{table_name: batches, backend: sql}}}}
storage:
  backends:
    pairs: {{type: kv_sqlite, db_path: {home}/pairs.db}}
    sql: {{type: sql_sqlite, db_path: {home}/sql.db}}
  stores:
    metadata: {{namespace: registry, backend: pairs}}
    inference: {{table_name: inference, backend: sql}}
    conversations: {{table_name: conversations, backend: sql}}
    prompts: {{table_name: prompts, backend: sql}}
    connectors: {{table_name: connectors, backend: sql}}
registered_resources: {{models: [], vector_stores: []}}
server: {{host: 127.0.0.1, port: {port}}}
"""


@dataclass(frozen=True, slots=True)
class BatchOracle:
    """The base URL of a server, and what it calls its model."""

    url: str
    model: str


@contextmanager
def aimock(home: Path) -> Iterator[BatchOracle]:
    """A mock that answers a batch when it is looked at for the second time."""
    program = shutil.which("aimock")
    need(None if program else "aimock (npm install -g @copilotkit/aimock@1)")
    assert program is not None
    (home / "fx").mkdir(parents=True)
    (home / "fx" / "none.json").write_text('{"fixtures":[]}')
    (home / "aimock.json").write_text('{"llm":{"fixtures":"./fx"}}')
    port = _free_port()
    with _running([program, "-c", "aimock.json", "-p", str(port)], home, port):
        url = f"http://127.0.0.1:{port}/v1"
        with trusting(url):
            yield BatchOracle(url, "gpt-4o")


@contextmanager
def ogx(home: Path) -> Iterator[BatchOracle]:
    """A server that people run, in front of our completions. It needs an environment of its own,
    of Python 3.12, and is tested where it is there.
    """
    program = shutil.which("ogx")
    if program is None:
        pytest.skip("no ogx (pipx install --python 3.12 'ogx>=1.5,<2')")
    home.mkdir()
    port = _free_port()
    with serving_batches() as behind:
        text = _OGX.format(url=behind.url, home=home, port=port)
        (home / "config.yaml").write_text(text)
        with _running([program, "run", "config.yaml", "--insecure"], home, port):
            url = f"http://127.0.0.1:{port}/v1"
            with trusting(url):
                yield BatchOracle(url, "ours/gpt-4o")
