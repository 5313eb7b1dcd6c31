"""The one decision: keep, reuse, issue, update, wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runner.core.plan.actions import Await, Issue, Keep, Remove, Reuse, Update
from runner.core.plan.targets import Choice
from runner.errors import RunnerError, error
from runner.io.providers.endpoint import Endpoint
from tests.harness.lab import Lab, Model, Opened, project

MESSAGES = "messages = [{ role = 'user', content = 'x' }]\n"


def changed(lab: Lab, *edits: tuple[str, str]) -> dict[str, object]:
    """The plan's actions after some edits of the file."""
    text = lab.files["configs/main.toml"]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    lab.files["configs/main.toml"] = text
    return {step.address: step.action for step in lab.plan().steps}


def applied(more: str = "", head: str = "") -> Lab:
    lab = project(f"{head}[completion.a]\nmodel = 'm'\n{MESSAGES}{more}\n")
    lab.apply()
    return lab


def test_a_changed_request_is_issued_and_knows_what_it_replaces() -> None:
    lab = applied()
    action = changed(lab, ("'x'", "'y'"))["completion.a"]
    assert isinstance(action, Issue)
    assert action.old == lab.records["completion.a"]


def test_a_renamed_block_finds_its_answer_and_the_old_name_is_forgotten() -> None:
    lab = applied()
    lab.lose_cache()
    actions = changed(lab, ("completion.a", "completion.b"))
    found, gone = actions["completion.b"], actions["completion.a"]
    assert isinstance(found, Reuse)
    assert isinstance(gone, Remove)
    assert (found.origin, gone.forget) == ("completion.a", True)


def test_metadata_of_a_stored_completion_is_told_to_the_server_without_a_request() -> None:
    lab = applied("store = true\nmetadata = { a = 'b' }")
    action = changed(lab, ("'b'", "'c'"))["completion.a"]
    assert isinstance(action, Update)
    assert action.metadata
    lab.apply()
    assert (lab.sent, lab.told) == ([], [b'{"metadata":{"a":"c"}}'])
    assert lab.plan().empty


def test_what_only_travels_is_recorded_without_telling_anybody() -> None:
    lab = applied("user = 'one'")
    action = changed(lab, ("'one'", "'two'"))["completion.a"]
    assert isinstance(action, Update)
    assert not action.metadata
    lab.apply()
    assert (lab.sent, lab.told) == ([], [])


def test_store_turned_on_needs_the_request_again() -> None:
    lab = applied("store = false")
    action = changed(lab, ("store = false", "store = true"))["completion.a"]
    assert isinstance(action, Issue)
    assert "store" in action.reason


def test_a_trigger_issues_again() -> None:
    lab = applied("triggers = { day = 1 }")
    assert isinstance(changed(lab, ("day = 1", "day = 2"))["completion.a"], Issue)


def test_replace_issues_again_with_another_sample() -> None:
    lab = applied()
    (step,) = lab.plan(Choice(replaces=("completion.a",))).steps
    assert isinstance(step.action, Issue)
    assert step.action.sample == 1


def test_depends_on_orders_and_changes_nothing() -> None:
    lab = applied()
    more = f"[completion.z]\nmodel = 'm'\n{MESSAGES.replace('x', 'z')}"
    actions = changed(lab, ("[completion.a]", more + "[completion.a]\ndepends_on=['completion.z']"))
    assert set(actions) == {"completion.z"}


def test_another_provider_is_another_request_and_its_name_is_not() -> None:
    head = "[provider.p]\ntype = 'openai'\nbase_url = 'https://x.example/v1'\n"
    lab = applied("provider = 'p'", head)
    assert changed(lab, ("provider.p]", "provider.q]"), ("'p'", "'q'")) == {}
    assert isinstance(changed(lab, ("x.example", "y.example"))["completion.a"], Issue)


CHAIN = (
    f"[completion.up]\nmodel = 'm'\n{MESSAGES}"
    "[completion.down]\nmodel = 'm'\n"
    "messages = [{ role = 'user', content = 'about {{ completion.up.content }}' }]\n"
)


def test_what_hangs_on_an_answer_waits_and_is_cut_off_early() -> None:
    lab = project(CHAIN)
    lab.reply = lambda _: "same"
    lab.apply()
    actions = changed(lab, ("'x'", "'y'"))
    assert isinstance(actions["completion.up"], Issue)
    assert actions["completion.down"] == Await("completion.up", lab.records["completion.down"])
    outcome = lab.apply()
    assert lab.sent == ["completion.up"]
    assert outcome.kept_back == 1


def test_a_condition_on_an_answer_that_is_not_known_waits_too() -> None:
    """A postcondition may look at others; before they are known nothing is decided."""
    lab = project(
        CHAIN + f"[completion.judge]\nmodel = 'm'\n{MESSAGES.replace('x', 'judge')}"
        "[[completion.judge.lifecycle.postcondition]]\n"
        "condition = \"{{ self.content != completion.up.content ~ '!' }}\"\n"
        "error_message = 'no'\n"
    )
    lab.apply()
    actions = changed(lab, ("'x'", "'y'"))
    assert actions["completion.judge"] == Await("completion.up", lab.records["completion.judge"])
    lab.apply()
    assert "completion.judge" not in lab.sent
    assert lab.plan().empty


POST = (
    "lifecycle = { postcondition = [{ condition = \"{{ self.content == 'good' }}\", "
    "error_message = 'it is not good' }] }"
)


def test_an_answer_that_is_not_accepted_is_kept_and_asked_for_again() -> None:
    lab = project(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{POST}\n")
    lab.reply = lambda _: "bad"
    outcome = lab.apply()
    assert "it is not good" in outcome.failed["completion.a"].message
    assert outcome.records["completion.a"].status == "failed_check"
    (step,) = lab.plan().steps
    assert isinstance(step.action, Issue)
    assert (step.action.sample, "not accepted" in step.action.reason) == (1, True)
    lab.reply = lambda _: "good"
    lab.apply()
    assert lab.records["completion.a"].status == "complete"
    assert lab.plan().empty


def test_an_answer_is_accepted_once_its_condition_is_gone() -> None:
    lab = project(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{POST}\n")
    lab.reply = lambda _: "bad"
    lab.apply()
    action = changed(lab, (POST, ""))["completion.a"]
    assert isinstance(action, Update)
    lab.apply()
    assert (lab.sent, lab.plan().empty) == ([], True)


def test_a_condition_that_cannot_be_evaluated_loses_no_answer() -> None:
    lab = project(
        "[locals]\nbroken = '{{ 1 + completion.a.content }}'\n"
        f"[completion.a]\nmodel = 'm'\n{MESSAGES}"
        f"[completion.b]\nmodel = 'm'\n{MESSAGES.replace('x', 'b')}"
        "lifecycle = { postcondition = [{ condition = '{{ local.broken }}', "
        "error_message = 'no' }] }\n"
    )
    outcome = lab.apply()
    assert set(outcome.failed) == {"completion.b"}
    assert lab.records["completion.b"].status == "failed_check"
    assert outcome.stopped is None


def test_an_answer_is_checked_against_its_schema() -> None:
    schema = (
        "response_format = { type = 'json_schema', json_schema = { name = 's', schema = "
        "{ type = 'object', required = ['n'], properties = { n = { type = 'integer' } } } } }"
    )
    lab = project(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{schema}\n")
    lab.reply = lambda _: '{"n": "one"}'
    outcome = lab.apply()
    assert "schema at n" in outcome.failed["completion.a"].message
    lab.reply = lambda _: '{"n": 1}'
    assert not lab.apply().failed
    assert lab.plan().empty


@pytest.mark.parametrize("text", ['{"n": "one"}', '{"n": 1}'])
def test_an_answer_in_parts_is_checked_as_its_text(text: str) -> None:
    schema = (
        "response_format = { type = 'json_schema', json_schema = { name = 's', schema = "
        "{ type = 'object', properties = { n = { type = 'integer' } } } } }"
    )
    lab = project(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{schema}\n")
    thought = {"type": "thinking", "thinking": []}
    lab.reply = lambda _: {"content": [thought, {"type": "text", "text": text}]}
    assert bool(lab.apply().failed) == ("one" in text)


def test_a_precondition_that_does_not_hold_sends_nothing() -> None:
    lab = project(
        f"[completion.a]\nmodel = 'm'\n{MESSAGES}"
        "lifecycle = { precondition = [{ condition = '{{ 1 > 2 }}', error_message = 'never' }] }\n"
    )
    with pytest.raises(RunnerError, match=r"completion\.a is not issued: never"):
        lab.plan()


def test_an_unchanged_completion_is_kept_as_it_is() -> None:
    lab = applied()
    assert lab.plan().decisions["completion.a"] == Keep(lab.records["completion.a"])


def test_a_provider_that_cannot_be_opened_ends_the_run_and_loses_nothing() -> None:
    """What others have in flight is awaited and recorded."""
    head = "[provider.p]\ntype = 'openai'\nbase_url = 'https://x.example/v1'\n"
    lab = project(
        f"{head}[completion.a]\nmodel = 'm'\nprovider = 'openai'\n{MESSAGES}"
        f"[completion.b]\nmodel = 'm'\nprovider = 'p'\n{MESSAGES}"
    )

    class Closed(Model):
        @asynccontextmanager
        async def open(self, endpoint: Endpoint, **_: object) -> AsyncIterator[Opened]:
            if endpoint.name == "p":
                raise error("No API key", "There is no key.")
            yield Opened(self, endpoint)

    lab.model = Closed(lab.reply)
    outcome = lab.apply()
    assert set(outcome.done) == {"completion.a"}
    assert "There is no key." in outcome.failed["completion.b"].message
    assert outcome.stopped is not None


def test_an_answer_that_moves_on_goes_by_its_new_provider_s_name() -> None:
    head = "[provider.p]\ntype = 'openai'\nbase_url = 'https://x.example/v1'\n"
    lab = applied("provider = 'p'", head)
    lab.files["configs/main.toml"] = (
        lab.files["configs/main.toml"]
        .replace("provider.p]", "provider.q]")
        .replace("'p'", "'q'")
        .replace("completion.a", "completion.b")
    )
    lab.apply()
    assert lab.sent == []
    assert lab.records["completion.b"].provider == "q"


LASTING = f"[completion.a]\nmodel = 'm'\n{MESSAGES}lifecycle = {{ prevent_destroy = true }}\n"
OTHER = f"[completion.b]\nmodel = 'm'\n{MESSAGES}".replace("'x'", "'y'")


def test_an_answer_that_must_stay_is_not_replaced_by_one_that_is_free() -> None:
    lab = project(LASTING + OTHER)
    lab.apply()
    lab.files["configs/main.toml"] = LASTING.replace("'x'", "'y'")
    with pytest.raises(RunnerError, match="prevent_destroy"):
        lab.plan()


def test_an_answer_that_must_stay_is_not_replaced_by_one_that_an_apply_finds_to_be_free() -> None:
    """The plan could not know: what is asked hangs on an answer."""

    def reply(body: dict[str, Any]) -> str:
        return "y" if body["messages"][0]["content"] == "second" else "x"

    up = "[completion.up]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'first' }]\n"
    lasting = LASTING.replace("'x'", "'{{ completion.up.content }}'")
    lab = Lab({"configs/main.toml": up + lasting + OTHER}, reply)
    lab.apply()
    kept = lab.records["completion.a"]
    lab.files["configs/main.toml"] = up.replace("first", "second") + lasting
    outcome = lab.apply()
    assert lab.sent == ["completion.up"]
    assert "prevent_destroy" in outcome.failed["completion.a"].message
    assert lab.records["completion.a"] == kept


def test_a_condition_on_an_answer_that_is_not_known_waits_for_an_answer_at_hand_too() -> None:
    """The renamed block's answer is there; whether it is accepted is known once the other is."""
    other = f"[completion.other]\nmodel = 'm'\n{MESSAGES}".replace("'x'", "'first'")
    rule = "condition = \"{{ completion.other.content != self.id }}\", error_message = 'no'"
    lab = applied(f"lifecycle = {{ postcondition = [{{ {rule} }}] }}\n{other}")
    actions = changed(lab, ("[completion.a]", "[completion.b]"), ("'first'", "'second'"))
    assert isinstance(actions["completion.b"], Await)
    lab.apply()
    assert lab.sent == ["completion.other"]
    assert lab.records["completion.b"].status == "complete"


def test_a_request_that_is_not_sent_takes_no_room() -> None:
    lab = applied()
    actions = changed(lab, ("[completion.a]", "[completion.b]"))
    assert isinstance(actions["completion.b"], Reuse)
    assert lab.plan().known.drafts.held("completion.b") is None


def test_a_renamed_completion_says_how_it_travels_now() -> None:
    lab = applied("user = 'one'")
    changed(lab, ("[completion.a]", "[completion.b]"), ("'one'", "'two'"))
    lab.apply()
    assert lab.sent == []
    assert b'"two"' in lab.records["completion.b"].request
    assert lab.plan().empty


def test_an_answer_that_is_at_hand_is_judged_where_it_is_used() -> None:
    """Refused there, and wanted as it is here."""
    rule = "condition = '{{ false }}', error_message = 'no'"
    lab = applied(f"lifecycle = {{ postcondition = [{{ {rule} }}] }}")
    assert lab.records["completion.a"].status == "failed_check"
    text = f"[completion.b]\nmodel = 'm'\n{MESSAGES}"
    lab.files["configs/main.toml"] = text
    lab.apply()
    assert lab.sent == []
    assert lab.records["completion.b"].status == "complete"
    assert lab.plan().empty


def test_a_record_names_what_its_request_was_made_of() -> None:
    lab = project(CHAIN)
    lab.apply()
    assert lab.records["completion.down"].depends_on == ("completion.up",)
    assert lab.records["completion.up"].depends_on == ()
