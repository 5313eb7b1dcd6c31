"""Backends that the user trusts, as the values of `[runner.backend]`."""

from pathlib import Path

import pytest


def trusted_folder(folder: Path, key: str, patch: pytest.MonkeyPatch) -> str:
    """A folder, for as long as the patch lasts."""
    patch.setenv("RUNNER_TRUST", f"file://{folder.resolve()}")
    return f'type = "file"\npath = "{folder}"\nkey = "{key}"\n'


def trusted_bucket(url: str, patch: pytest.MonkeyPatch) -> str:
    """The bucket of an S3 server, whose secret key stands in the variable SECRET."""
    patch.setenv("SECRET", "made-up-secret")
    patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    patch.setenv("RUNNER_TRUST", url)
    return (
        f'type = "s3"\nbucket = "team-state"\nregion = "us-east-1"\nendpoint = "{url}"\n'
        'secret_key_env = "SECRET"\n'
    )
