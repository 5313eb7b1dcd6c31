"""What whoever reads a server's error has to know to mend it: who was asked, and where."""

import re
from typing import Literal

from yarl import URL

from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.bodies import Said

_ENDS = "/chat/completions"
_NO_MODEL = {
    "model_not_found",
    "deploymentnotfound",
    "model_not_available",
    "model_decommissioned",
    "invalid_model",
}
_NOT_THERE = (
    r"(?is)\b(model|deployment)s?\b.{0,200}?"
    r"(not found|not exist|no access|not deployed|not available)"
    r"|unable to access|unknown model|^model: |no such model"
)
_INVALID = r"(?i)^(invalid model\b|model not exist)|not a valid model"
_ROUTED = r"(?i)endpoints? found"  # a gateway, of what one request asks for
_VERSION = r"/v\d"

About = Literal["key", "model", "path"]


def about(said: Said) -> About | None:
    """What of the connection an error to a completion is about; None if it is about its request."""
    words = {(said.code or "").lower(), (said.type or "").lower()}
    if said.status in (401, 403):
        return None if said.moderated else "key"
    if said.status not in (400, 404, 405):
        return None
    if words & _NO_MODEL or re.search(_INVALID, said.message):
        return "model"
    if said.param and said.param != "model":  # a file, say, that this request names
        return None
    if said.status == 400 or re.search(_ROUTED, said.message):
        return None
    return "model" if re.search(_NOT_THERE, said.message) else "path"


def who_was_asked(endpoint: Endpoint, method: str, url: URL) -> str:
    """Who was asked, where, and with whose key, in a sentence; no secret is in it."""
    name = endpoint.key_name
    with_key = "no key was sent" if endpoint.key is None else "with a key"
    if endpoint.key is not None and name is not None:
        with_key = f"with the key in {name}"
    where = url.with_user(None).with_query(None)
    return f"Asked: the provider {endpoint.name}, {method} {where}, {with_key}."


def advice(topic: About, endpoint: Endpoint, url: URL) -> str:
    """What to look at first, of what was asked at a URL."""
    base = _base(url.with_user(None).with_query(None))
    match topic:
        case "key":
            return _about_key(endpoint, base)
        case "model":
            listed = base / "models"
            return f"Is the model's name right, and may this key use it? GET {listed} lists them."
        case "path":
            return _about_path(base)


def _base(url: URL) -> URL:
    """The base URL that a completion was asked at."""
    return url.with_path(url.path.removesuffix(_ENDS))


def _about_key(endpoint: Endpoint, base: URL) -> str:
    if endpoint.key is None:
        return (
            'Name the variable that holds one for this host, api_key_env = "..", in '
            f"[provider.{endpoint.name}]."
        )
    return f"Is it a key of {base.host}, still valid, and allowed this model?"


def _about_path(base: URL) -> str:
    path = base.path.rstrip("/")
    if path.endswith(_ENDS):
        right = f'base_url = "{_base(base)}"'
        return f"{_ENDS} is appended to the base_url and stands in it already: {right}."
    if not re.search(_VERSION, path):
        return f'Is /v1 missing? base_url = "{base.with_path(f"{path}/v1")}".'
    return f"Is the base_url right? {_ENDS} is appended to it."
