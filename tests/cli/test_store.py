"""The Chat Completions Store: kept at the server, listed, relabelled, deleted."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.harness.faults import completion as answer
from tests.harness.project import KEY, Project, completion, prompts, provider, serving
from tests.harness.server import FakeAPI
from tests.harness.store_api import StoreAPI

STORED = ("store = true", 'metadata = { category = "geography" }')


def put(api: FakeAPI, number: int, **more: object) -> str:
    """A completion that somebody else stored."""
    name = f"chatcmpl-put-{number}"
    message = {"role": "assistant", "content": f"put {number}"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    whole = {"id": name, "object": "chat.completion", "created": 1700000000, "model": "gpt-4o"}
    body = {"messages": [{"role": "user", "content": f"part {n}"} for n in range(number)]}
    api.store.keep({**whole, "choices": [choice]}, {**body, "metadata": more})
    return name


def asked(api: FakeAPI, method: str) -> list[str]:
    return [request.path for request in api.requests if request.method == method]


RETRIEVED = """
[data.chat_completion.retrieved]
completion_id = "{{ completion.stored.id }}"
[data.chat_completion_messages.asked]
completion_id = "{{ completion.stored.id }}"
[output.content]
value = "{{ data.chat_completion.retrieved.choices[0].message.content }}"
[output.asked]
value = "{{ data.chat_completion_messages.asked.messages[0].content }}"
[output.metadata]
value = "{{ data.chat_completion.retrieved.response.metadata }}"
"""


def test_a_stored_completion_is_read_back(project: Project, api: FakeAPI) -> None:
    """Its id is not known before the apply, so it is read there; later, while planning."""
    project.write(completion("stored", "Capital of France?", *STORED) + RETRIEVED)
    plan = project.call("plan").out
    assert " <= data.chat_completion.retrieved" in plan
    assert "(depends on completion.stored)" in plan
    assert "Plan: 1 to issue, 2 to read." in plan
    assert api.requests == []
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert project.outputs == {
        "asked": "Capital of France?",
        "content": "echo: Capital of France?",
        "metadata": {"category": "geography"},
        "stored": "echo: Capital of France?",
    }
    before = len(api.requests)
    assert "No changes." in project.call("plan").out
    assert len(api.requests) == before + 2
    written = project.state_file.read_bytes()
    assert project.apply().status == 0
    assert project.state_file.read_bytes() == written


def test_offline_nothing_is_read(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "Capital of France?", *STORED) + RETRIEVED)
    project.apply()
    before = len(api.requests)
    assert "No changes." in project.call("plan", "--offline").out
    assert project.apply("--offline").status == 0
    assert project.outputs["content"] == "echo: Capital of France?"
    assert len(api.requests) == before


LIST = """
[data.chat_completions.found]
model = "gpt-4o"
metadata = { kind = "x" }
order = "desc"
[output.ids]
value = "{{ data.chat_completions.found.ids }}"
[output.last]
value = "{{ data.chat_completions.found.data[0].content }}"
"""


def test_a_plan_without_a_key_takes_what_was_read_last(
    project: Project, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI, where nothing is left to ask: no key has to be there, and none of it is asked."""
    project.write(provider(api, api_key_env="STORE_KEY"), "provider.toml")
    project.write(completion("stored", "Capital of France?", *STORED) + RETRIEVED)
    monkeypatch.setenv("STORE_KEY", KEY)
    assert project.apply().status == 0
    assert project.call("plan", "--detailed-exitcode").err == ""
    monkeypatch.delenv("STORE_KEY")
    before = len(api.requests)
    plan = project.call("plan", "--detailed-exitcode")
    assert plan.status == 0, plan.err
    assert "Warning: Read from the state" in plan.err
    assert "data.chat_completion.retrieved" in plan.err
    assert project.apply().status == 1  # what is asked now is not made of what was read last
    assert project.apply("--offline").status == 0
    assert len(api.requests) == before


def test_what_was_never_read_needs_its_key(project: Project, api: FakeAPI) -> None:
    project.write(provider(api, api_key_env="STORE_KEY"), "provider.toml")
    project.write('[data.chat_completion.a]\ncompletion_id = "chatcmpl-1"\n')
    plan = project.call("plan")
    assert plan.status == 1
    assert "STORE_KEY" in plan.err
    assert api.requests == []


def test_a_list_has_all_pages(project: Project, api: FakeAPI) -> None:
    names = [put(api, number, kind="x") for number in range(1, 251)]
    put(api, 300, kind="y")
    project.write(LIST)
    assert project.apply().status == 0
    assert project.outputs["ids"] == list(reversed(names))
    assert project.outputs["last"] == "put 250"
    pages = [request for request in api.requests if request.method == "GET"]
    assert len(pages) == 3


EACH = """
[data.chat_completions.all]
[data.chat_completion.each]
for_each = "{{ data.chat_completions.all.ids }}"
completion_id = "{{ each.value }}"
[data.chat_completion_messages.first]
count = 2
completion_id = "{{ data.chat_completions.all.ids[count.index] }}"
[completion.sum]
model = "m"
messages = [{ role = "user", content = "{{ data.chat_completion.each.values() | map(attribute='content') | join(', ') }}" }]
[output.one]
value = "{{ data.chat_completion.each['chatcmpl-put-2'].content }}"
[output.many]
value = "{{ data.chat_completion_messages.first | map(attribute='messages') | map('length') | list }}"
"""  # noqa: E501


def test_a_data_source_has_instances(project: Project, api: FakeAPI) -> None:
    for number in range(1, 4):
        put(api, number)
    project.write(EACH)
    assert " <= data.chat_completion.each[" not in project.call("plan", "--offline").out
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert project.outputs["one"] == "put 2"
    assert project.outputs["many"] == [1, 2]
    assert project.outputs["sum"] == "echo: put 1, put 2, put 3"
    assert 'data.chat_completion.each["chatcmpl-put-3"]' in project.records
    assert "data.chat_completion_messages.first[1]" in project.records
    again = project.call("plan")
    assert again.out.startswith("No changes."), again.out
    project.write(EACH.replace("all.ids }}", "all.ids[:2] }}"))
    gone = project.call("plan").out
    assert 'data.chat_completion.each["chatcmpl-put-3"]' in gone


def test_a_data_source_has_one_kind_of_instances(project: Project, api: FakeAPI) -> None:
    project.write(EACH.replace("count = 2", "count = 2\nfor_each = ['a']"))
    ran = project.call("validate")
    assert ran.status == 1
    assert "Conflicting keys" in ran.err
    project.write(EACH.replace("each.value }}", "each.valu }}"))
    assert 'Did you mean "each.value"?' in project.call("validate").err
    for number in (1, 2):
        put(api, number)
    project.write(EACH.replace("each['chatcmpl-put-2'].content", "each.content"))
    assert "has instances" in project.call("plan").err


@pytest.mark.parametrize("entry", [{"id": "one"}, {}])
def test_a_list_that_never_ends_is_told(
    project: Project, api: FakeAPI, entry: dict[str, str]
) -> None:
    """A server that knows no `after` gives its first page for ever."""

    class Endless(StoreAPI):
        def serve(self, *_: object) -> web.Response:
            return web.json_response({"object": "list", "data": [entry], "has_more": True})

    api.store = Endless()
    project.write("[data.chat_completions.found]\n")
    ran = project.call("plan")
    assert ran.status == 1
    assert "gives the same page of its list again and again" in " ".join(ran.err.split())
    assert len(api.requests) < 3


def test_a_list_of_ever_new_entries_ends(project: Project, api: FakeAPI) -> None:
    class Endless(StoreAPI):
        pages = 0

        def serve(self, *_: object) -> web.Response:
            self.pages += 1
            entry = {"id": f"chatcmpl-{self.pages}"}
            return web.json_response({"object": "list", "data": [entry], "has_more": True})

    api.store = Endless()
    project.write("[data.chat_completions.found]\n")
    ran = project.call("plan")
    assert (ran.status, api.store.pages) == (1, 1000)
    assert "in 1,000 pages or 20 minutes" in " ".join(ran.err.split())


@pytest.mark.parametrize("name", ["", ".", "..", "../files/x", "a/b", None, 7])
def test_what_is_no_id_of_a_completion_asks_nothing(
    project: Project, api: FakeAPI, name: object
) -> None:
    """DELETE /chat/completions/.. is about something else at the server."""
    project.write(completion("stored", "hi", *STORED))
    project.apply()
    held = json.loads(project.state_file.read_bytes())
    held["records"][0]["response"]["id"] = name
    project.state_file.write_text(json.dumps(held, separators=(",", ":")))
    before = len(api.requests)
    ran = project.call("destroy", "--auto-approve")
    assert ran.status == 1
    assert "is no id of a stored completion" in " ".join(ran.err.split())
    assert len(api.requests) == before


@pytest.mark.parametrize("kind", ["chat_completion", "chat_completion_messages"])
def test_a_data_source_reads_no_other_address(project: Project, api: FakeAPI, kind: str) -> None:
    project.write(f'[data.{kind}.x]\ncompletion_id = ".."\n')
    ran = project.call("plan")
    assert (ran.status, api.requests) == (1, [])


def test_a_list_ends_at_its_limit(project: Project, api: FakeAPI) -> None:
    names = [put(api, number) for number in range(1, 251)]
    project.write("[data.chat_completions.found]\nlimit = 120\n")
    project.write('[output.ids]\nvalue = "{{ data.chat_completions.found.ids }}"\n', "o.toml")
    assert project.apply().status == 0
    assert project.outputs["ids"] == names[:120]


def test_messages_come_from_all_pages(project: Project, api: FakeAPI) -> None:
    name = put(api, 130)
    project.write(f'[data.chat_completion_messages.m]\ncompletion_id = "{name}"\n')
    value = "{{ data.chat_completion_messages.m.messages | map(attribute='content') | list }}"
    project.write(f'[output.texts]\nvalue = "{value}"\n', "o.toml")
    assert project.apply().status == 0
    assert project.outputs["texts"] == [f"part {n}" for n in range(130)]


def test_a_list_that_depends_on_a_completion_is_read_after_it(
    project: Project, api: FakeAPI
) -> None:
    """Also after an update in place, which may change what is found."""
    found = '[data.chat_completions.found]\nmetadata = { category = "NAME" }\n'
    found += 'depends_on = ["completion.stored"]\n'
    found += '[output.ids]\nvalue = "{{ data.chat_completions.found.ids | length }}"\n'
    text = completion("stored", "hi", *STORED)
    project.write(text + found.replace("NAME", "geography"))
    assert project.apply().status == 0
    assert project.outputs["ids"] == 1
    renamed = (text + found.replace("NAME", "history")).replace("geography", "history")
    project.write(renamed)
    plan = project.call("plan").out
    assert "Plan: 1 to update, 1 to read." in plan
    assert project.apply().status == 0
    assert project.outputs["ids"] == 1
    assert len(api.completions) == 1


def test_a_data_source_that_cannot_be_read_is_told_with_its_place(
    project: Project, api: FakeAPI
) -> None:
    project.write('[data.chat_completion.x]\ncompletion_id = "chatcmpl-none"\n')
    ran = project.call("plan")
    assert ran.status == 1
    assert "data.chat_completion.x could not be read: No completion found" in ran.err
    assert "configs/main.toml line 1" in ran.err
    assert len(api.requests) == 1  # what was not stored a moment ago is not asked for again


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        ("chat_completion", 'completion_id = "{{ none }}"', "needs completion_id"),
        ("chat_completion", "completion_id = \"{{ '' }}\"", "at least 1 character"),
        ("chat_completion_messages", 'completion_id = "{{ [1] }}"', "must be a string"),
        ("chat_completions", 'limit = "{{ -1 }}"', "limit must be at least 1"),
        ("chat_completions", "limit = \"{{ 'all' }}\"", "limit must be"),
        ("chat_completions", "order = \"{{ 'up' }}\"", 'order must be "asc" or "desc"'),
        ("chat_completions", 'metadata = "{{ [1] }}"', "metadata must be"),
        ("chat_completions", 'metadata = { a = "{{ 1 }}" }', "metadata.a must be a string"),
    ],
)
def test_what_a_data_source_asks_is_checked_when_it_is_known(
    project: Project, api: FakeAPI, kind: str, asked: str, said: str
) -> None:
    project.write(f"[data.{kind}.x]\n{asked}\n")
    ran = project.call("plan")
    assert ran.status == 1
    assert f"In data.{kind}.x: " in " ".join(ran.err.split())
    assert said in " ".join(ran.err.split())
    assert "configs/main.toml line " in ran.err
    assert api.requests == []


def test_what_is_null_is_not_asked_for(project: Project, api: FakeAPI) -> None:
    asked = 'metadata = { a = "{{ none }}", b = "x" }\nlimit = "{{ none }}"\n'
    project.write(f'[data.chat_completions.x]\n{asked}model = "{{{{ none }}}}"\n')
    assert project.call("plan").status == 0
    assert [request.target.split("?")[1] for request in api.requests] == [
        "metadata%5Bb%5D=x&limit=100"
    ]


def test_what_was_just_stored_may_take_a_moment_to_be_read(project: Project, api: FakeAPI) -> None:
    class Late(StoreAPI):
        left = 2

        def serve(self, request: web.Request, body: Any) -> web.Response:
            if self.left:
                self.left -= 1
                return StoreAPI().serve(request, body)
            return super().serve(request, body)

    api.store = late = Late()
    project.write(completion("stored", "hi", *STORED) + RETRIEVED)
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert late.left == 0


def test_new_metadata_is_an_update_without_tokens(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi", *STORED))
    project.apply()
    text = completion("stored", "hi", "store = true", 'metadata = { category = "history" }')
    project.write(text)
    plan = project.call("plan").out
    assert "~ completion.stored" in plan
    assert "metadata.category geography -> history" in plan
    assert "Plan: 1 to update.\n" in plan
    assert project.apply().status == 0
    record = project.records["completion.stored"]
    assert record["request"]["metadata"] == {"category": "history"}
    name = record["response"]["id"]
    assert api.store.completions[name]["metadata"] == {"category": "history"}
    assert len(api.completions) == 1
    assert "No changes." in project.call("plan").out


def test_sensitive_metadata_reaches_the_server_alone(project: Project, api: FakeAPI) -> None:
    secret = '[variable.secret]\nsensitive = true\ndefault = "swordfish"\n'
    stored = ("store = true", 'metadata = { kind = "a" }')
    project.write(secret + completion("stored", "hi", *stored))
    project.apply()
    stored = ("store = true", 'metadata = { kind = "{{ var.secret }}" }')
    project.write(secret + completion("stored", "hi", *stored))
    ran = project.apply()
    assert ran.status == 0
    assert next(iter(api.store.completions.values()))["metadata"] == {"kind": "swordfish"}
    assert "swordfish" not in project.state_file.read_text() + ran.out + ran.err
    assert "No changes." in project.call("plan").out


def test_what_a_server_was_told_in_secret_is_not_read_back(project: Project, api: FakeAPI) -> None:
    """Neither in a message, nor in metadata, nor in what was asked for."""
    secret = '[variable.secret]\nsensitive = true\ndefault = "swordfish"\n'
    stored = ("store = true", 'metadata = { kind = "{{ var.secret }}" }')
    listed = """
[data.chat_completions.found]
metadata = { kind = "{{ var.secret }}" }
depends_on = ["completion.stored"]
[output.found]
value = "{{ data.chat_completions.found.data[0].content }}"
"""
    project.write(secret + completion("stored", "key {{ var.secret }}", *stored) + RETRIEVED)
    project.write(listed, "listed.toml")
    runs = [project.apply(), project.apply(), project.call("plan", "--offline")]
    assert [ran.status for ran in runs] == [0, 0, 0]
    assert project.outputs["asked"] == "key (sensitive)"
    assert project.outputs["found"] == "echo: key (sensitive)"
    assert project.outputs["metadata"] == {"kind": "(sensitive)"}
    assert "No changes." in runs[2].out
    files = (project.directory / "state").rglob("*")
    assert not [file for file in files if file.is_file() and b"swordfish" in file.read_bytes()]
    assert "swordfish" not in "".join(ran.out + ran.err for ran in runs)
    found = [request.target for request in api.requests if "metadata" in request.target]
    assert all("swordfish" in target for target in found)


def test_an_update_that_fails_is_tried_again(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi", *STORED))
    project.apply()
    held, api.store.completions = api.store.completions, {}
    project.write(completion("stored", "hi", "store = true"))
    ran = project.apply()
    assert ran.status == 1
    assert "No completion found" in ran.err
    api.store.completions = held
    assert project.apply().status == 0
    assert next(iter(held.values()))["metadata"] is None


def test_store_turned_on_asks_again(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi"))
    project.apply()
    project.write(completion("stored", "hi", "store = true"))
    plan = project.call("plan").out
    assert "its answer is not stored, and store = true stores only a new one" in plan
    assert project.apply().status == 0
    assert len(api.completions) == 2
    assert "No changes." in project.call("plan").out


def test_an_answer_that_was_not_stored_does_not_stand_for_one_that_is(
    project: Project, api: FakeAPI
) -> None:
    """Neither from another address nor from the cache."""
    project.write(completion("a", "hi"))
    project.apply()
    project.write(completion("b", "hi", "store = true"))
    assert "Plan: 1 to issue, 1 to remove." in project.call("plan").out
    assert project.apply().status == 0
    assert len(api.store.completions) == 1


def test_destroy_deletes_what_was_stored(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi", *STORED) + completion("plain", "bye"))
    project.apply()
    assert project.call("destroy", "--auto-approve").status == 0
    assert api.store.completions == {}
    assert len(asked(api, "DELETE")) == 1
    assert project.records == {}


def test_after_a_destroy_only_what_is_to_be_stored_is_asked_again(
    project: Project, api: FakeAPI
) -> None:
    project.write(completion("stored", "hi", *STORED) + completion("plain", "bye"))
    project.apply()
    project.call("destroy", "--auto-approve")
    assert "Plan: 1 to issue, 1 from cache." in project.call("plan").out
    assert project.apply().status == 0
    assert prompts(api) == ["hi", "bye", "hi"] or prompts(api) == ["bye", "hi", "hi"]
    assert len(api.store.completions) == 1


def test_a_removal_takes_what_is_gone_already_for_done(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi", *STORED) + completion("plain", "bye"))
    project.apply()
    api.store.completions.clear()
    project.write(completion("plain", "bye"))
    assert project.apply().status == 0
    assert list(project.records) == ["completion.plain"]


def test_a_rename_does_not_delete_at_the_server(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hi", *STORED))
    project.apply()
    project.write(completion("b", "hi", "store = true", 'metadata = { category = "history" }'))
    plan = project.call("plan").out
    assert "and updated in place" in plan
    assert project.apply().status == 0
    assert [held["metadata"] for held in api.store.completions.values()] == [
        {"category": "history"}
    ]
    assert len(api.completions) == 1


def test_refresh_tells_what_vanished_and_changes_nothing(project: Project, api: FakeAPI) -> None:
    project.write(completion("stored", "hi", *STORED) + completion("other", "bye", *STORED))
    project.apply()
    name = project.records["completion.stored"]["response"]["id"]
    del api.store.completions[name]
    written = project.state_file.read_bytes()
    ran = project.call("plan", "--refresh")
    assert ran.status == 0
    assert "Warning: Stored completion is gone" in ran.err
    assert "no longer has the stored completion of completion.stored." in ran.err
    assert "--replace 'completion.stored'" in ran.err
    assert "No changes." in ran.out
    assert project.state_file.read_bytes() == written
    assert project.call("plan").err == ""
    assert project.apply("--replace", "completion.stored").status == 0
    assert project.call("plan", "--refresh").err == ""
    assert len(api.store.completions) == 2


OTHER = ("store = true", 'provider = "other"')


def test_what_a_provider_stored_that_is_no_more_is_told_before_anything_is_sent(
    project: Project, api: FakeAPI
) -> None:
    declared = provider(api, type="openai", base_url=f"{api.url}/more")
    declared = declared.replace("provider.openai", "provider.other")
    project.write(declared, "other.toml")
    project.write(completion("stored", "hi", *OTHER))
    project.apply()
    project.write(completion("plain", "new"))
    project.write("", "other.toml")
    for ran in (project.apply(), project.call("destroy", "--auto-approve")):
        assert ran.status == 1
        said = " ".join(ran.err.split())
        assert "stored by the provider other" in said
        assert "no provider of the configuration leads there" in said
        assert "runner state rm 'completion.stored'" in " ".join(ran.err.split())
    assert prompts(api) == ["hi"]
    assert project.call("state", "rm", "completion.stored").status == 0
    assert project.apply().status == 0
    assert len(api.store.completions) == 1


def test_a_renamed_provider_still_reaches_what_it_stored(project: Project, api: FakeAPI) -> None:
    """An update, a refresh and a removal go where the completion is."""
    declared = provider(api, type="openai").replace("provider.openai", "provider.NAME")
    text = completion("stored", "hi", *OTHER)
    project.write(declared.replace("NAME", "other"), "other.toml")
    project.write(text)
    project.apply()
    project.write(declared.replace("NAME", "new"), "other.toml")
    text = text.replace('"other"', '"new"')
    project.write(text)
    ran = project.call("plan", "--refresh")
    assert (ran.status, ran.err) == (0, "")
    assert "No changes." in ran.out
    project.write(text.replace("store = true", 'store = true\nmetadata = { kind = "x" }'))
    assert project.apply().status == 0
    assert next(iter(api.store.completions.values()))["metadata"] == {"kind": "x"}
    project.write(declared.replace("NAME", "newer"), "other.toml")
    assert project.call("destroy", "--auto-approve").status == 0
    assert api.store.completions == {}


def at(api: FakeAPI, name: str, completions: str) -> str:
    """A project that asks the fake API under another name."""
    block = f'[provider.{name}]\ntype = "openai"\nbase_url = "{api.url}"\nmax_retries = 0\n'
    return f'[runner]\nprovider = "{name}"\n{block}{completions}'


def test_a_provider_under_another_name_keeps_what_it_stored(
    tmp_path: Path, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `openai` is then is another server."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    for number, old in enumerate(("openai", "old")):
        project = Project(tmp_path / old)
        project.write(at(api, old, completion("a", "hi", *STORED)))
        assert project.apply().status == 0
        project.write(at(api, "new", completion("a", "hi", "store = true", 'metadata.a = "b"')))
        ran = project.apply()
        assert ran.status == 0, ran.err
        assert project.records["completion.a"]["provider"] == "new"
        project.write(at(api, "newer", completion("b", "hi again")))
        assert project.call("plan", "--refresh").err == ""
        assert project.apply().status == 0
        assert len(asked(api, "DELETE")) == number + 1
        assert api.store.completions == {}


def test_what_was_stored_at_an_undeclared_provider_is_not_removed(
    tmp_path: Path, api: FakeAPI
) -> None:
    project = Project(tmp_path / "gone")
    project.write(at(api, "old", completion("a", "hi", *STORED)))
    assert project.apply().status == 0
    project.write('[output.x]\nvalue = "y"\n')
    ran = project.apply()
    assert ran.status == 1
    assert "Declare [provider.old] again" in " ".join(ran.err.split())
    assert [*project.records] == ["completion.a"]
    assert asked(api, "DELETE") == []
    moved = at(api, "old", completion("a", "hi", *STORED)).replace(api.url, f"{api.url}/more")
    project.write(moved)
    assert "whether it still has it cannot be asked" in project.call("plan", "--refresh").err


def test_workspaces_do_not_share_what_is_stored(project: Project, api: FakeAPI) -> None:
    """Else one would change, and delete, what the other counts on."""
    prod = ("--workspace", "prod")
    project.call("workspace", "new", "prod")
    text = completion("stored", "hi", *STORED) + completion("plain", "bye")
    project.write(text)
    assert project.apply().status == 0
    (dev,) = api.store.completions
    project.write(text.replace("geography", "history"))
    assert "Plan: 1 to issue, 1 from cache." in project.call(*prod, "plan").out
    ran = project.apply(*prod)
    assert ran.status == 0, ran.err
    assert api.store.completions[dev]["metadata"] == {"category": "geography"}
    assert len(api.store.completions) == 2
    assert project.call(*prod, "destroy", "--auto-approve").status == 0
    assert list(api.store.completions) == [dev]
    project.write(text)
    assert "No changes." in project.call("plan", "--refresh").out
    assert asked(api, "POST").count("/v1/chat/completions") == 3


def test_what_is_stored_stays_in_its_workspace_under_another_name(
    project: Project, api: FakeAPI
) -> None:
    """Also where only the cache has it, as after a crash; nobody else finds it there."""
    project.call("workspace", "new", "prod")
    project.write(completion("a", "hi", *STORED))
    assert project.apply().status == 0
    assert project.call("state", "rm", "completion.a").status == 0
    project.write(completion("b", "hi", *STORED))
    assert "1 to issue" in project.call("--workspace", "prod", "plan").out
    assert "Plan: 1 from cache." in project.call("plan").out
    assert project.call("cache", "prune", "--auto-approve").status == 0
    assert "Plan: 1 to issue." in project.call("plan").out


def test_a_prune_keeps_what_a_workspace_stored(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hi", *STORED))
    assert project.apply().status == 0
    assert project.call("cache", "prune", "--auto-approve").status == 0
    assert project.call("state", "rm", "completion.a").status == 0
    assert "Plan: 1 from cache." in project.call("plan").out


def test_what_another_workspace_names_is_not_deleted(project: Project, api: FakeAPI) -> None:
    """As earlier versions, a copied state or an import have it: the last one deletes."""
    project.call("workspace", "new", "prod")
    project.write(completion("stored", "hi", *STORED))
    assert project.apply().status == 0
    pulled = project.directory / "pulled.json"
    pulled.write_text(project.call("state", "pull").out)
    assert project.call("--workspace", "prod", "state", "push", str(pulled)).status == 0
    project.write(completion("plain", "bye"))
    for verb in ("plan", "destroy"):
        ran = project.call(
            "--workspace", "prod", verb, *(["--auto-approve"] if verb == "destroy" else [])
        )
        assert ran.status == 0, ran.err
        assert "the workspace default names the stored completion too, which stays" in ran.out
    assert asked(api, "DELETE") == []
    assert project.apply().status == 0
    assert len(asked(api, "DELETE")) == 1
    assert api.store.completions == {}


def test_who_else_names_it_has_to_be_known(project: Project, api: FakeAPI) -> None:
    project.call("workspace", "new", "prod")
    project.write(completion("stored", "hi", *STORED))
    assert project.apply().status == 0
    (project.directory / "state/workspaces/prod/state.json").write_bytes(b"{")
    ran = project.call("destroy", "--auto-approve")
    assert ran.status == 1
    assert "workspaces/prod/state.json" in ran.err
    assert asked(api, "DELETE") == []


def test_what_another_record_names_is_not_deleted(project: Project, api: FakeAPI) -> None:
    name = put(api, 1)
    blocks = completion("a", "part 0", "store = true") + completion("b", "part 0", "store = true")
    project.write(blocks)
    for address in ("completion.a", "completion.b"):
        assert project.call("import", address, name).status == 0
    assert project.records["completion.b"]["sample"] == 1
    project.write(completion("a", "part 0", "store = true"))
    assert project.apply().status == 0
    assert [*project.records] == ["completion.a"]
    assert list(api.store.completions) == [name]
    assert project.call("destroy", "--auto-approve").status == 0
    assert api.store.completions == {}


def test_the_lineage_is_on_the_disk_before_anything_is_stored(project: Project) -> None:
    """A kill at any moment then leaves answers that are this state's."""
    held: list[bool] = []

    def look(got: Any) -> dict[str, Any]:
        held.append(project.state_file.exists())
        return answer(got.body, got.number)

    with serving(script=look) as api:
        project.write(provider(api), "provider.toml")
        project.write(completion("plain", "bye"))
        assert project.apply().status == 0
        project.state_file.unlink()
        project.write(completion("stored", "hi", "store = true"))
        assert project.apply().status == 0
    assert held == [False, True]


def test_the_embedded_model_has_no_store(project: Project) -> None:
    """Said while planning, before a model is started."""
    project.write('[data.chat_completion.x]\nprovider = "embedded"\ncompletion_id = "c"\n')
    ran = project.call("plan")
    assert ran.status == 1
    assert "the model in this process stores no completions" in " ".join(ran.err.split())
    assert "configs/main.toml line 2" in ran.err
    ran = project.call("import", "completion.x", "c", "--provider", "embedded")
    assert "stores no completions" in " ".join(ran.err.split())
