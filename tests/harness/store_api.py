"""The Chat Completions Store of the fake server, with state."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

PREFIX = "/chat/completions"


@dataclass
class StoreAPI:
    """What was asked for with `store = true`: the answers, and the messages that asked."""

    completions: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def keep(self, whole: dict[str, Any], body: dict[str, Any]) -> None:
        """Keep an answer."""
        whole["metadata"] = body.get("metadata")
        name = whole["id"]
        self.completions[name] = whole
        self.messages[name] = [
            {"id": f"{name}-{index}", "content_parts": None, **message}
            for index, message in enumerate(body.get("messages", ()))
        ]

    def serve(self, request: web.Request, body: Any) -> web.Response:
        """The response to a request below `/chat/completions`."""
        path = request.path
        if PREFIX not in path:
            return _missing(path)
        name, _, rest = path.split(PREFIX, 1)[1].strip("/").partition("/")
        if not name and request.method == "GET":
            return _page(request, self._matching(request))
        if name not in self.completions:
            return _missing(name)
        match request.method, rest:
            case "GET", "":
                return _json(self.completions[name])
            case "GET", "messages":
                return _page(request, self.messages[name])
            case "POST", "":
                self.completions[name]["metadata"] = body.get("metadata")
                return _json(self.completions[name])
            case "DELETE", "":
                del self.completions[name]
                return _json({"object": "chat.completion.deleted", "id": name, "deleted": True})
            case _:
                return _missing(name)

    def _matching(self, request: web.Request) -> list[dict[str, Any]]:
        wanted = {
            key[len("metadata[") : -1]: value
            for key, value in request.query.items()
            if key.startswith("metadata[")
        }
        model = request.query.get("model")
        return [
            whole
            for whole in self.completions.values()
            if (model is None or whole["model"] == model)
            and all((whole.get("metadata") or {}).get(k) == v for k, v in wanted.items())
        ]


def _page(request: web.Request, items: list[dict[str, Any]]) -> web.Response:
    items = list(reversed(items)) if request.query.get("order") == "desc" else items
    names = [item["id"] for item in items]
    after = request.query.get("after")
    begin = names.index(after) + 1 if after in names else 0
    end = begin + int(request.query.get("limit", "20"))
    data = items[begin:end]
    return _json(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": end < len(items),
        }
    )


def _missing(name: str) -> web.Response:
    text = f"No completion found with the id {name}"
    return _json({"error": {"message": text, "type": "invalid_request_error", "code": None}}, 404)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
