"""What `runner plan` shows: Terraform's layout, every changed path, the reason, one line."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, prompt_of, provider, serving
from tests.harness.recorded import record, write_state
from tests.harness.server import Request
from tests.harness.terminal import on_terminal

LONG = "You are a helpful assistant.\\nBe brief.\\n{}\\nThank you."


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_nothing_is_sent_and_nothing_is_written(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.call("plan").status == 0
        assert not api.requests
    assert not (project.directory / "state").exists()


def test_what_asks_for_nothing_but_messages_shows_nothing_else(project: Project) -> None:
    messages = '[{ role = "user", content = "hi" }]'
    project.write(f'[runner]\nprovider = "embedded"\n[completion.a]\nmessages = {messages}\n')
    lines = project.call("plan").out.splitlines()
    assert [line for line in lines if line.startswith("      ")] == [
        "      user  hi",
    ]


def test_a_parameter_that_came_out_null_is_said_not_to_be_sent(project: Project) -> None:
    project.write("""[runner]
provider = "embedded"
[variable.heat]
type = "number"
default = "{{ none }}"
[completion.a]
provider = "{{ none }}"
enabled = "{{ none }}"
triggers = "{{ none }}"
temperature = "{{ var.heat }}"
messages = [{ role = "user", content = "Hi." }]
[completion.b]
temperature = "{{ var.heat }}"
messages = [{ role = "user", content = "{{ completion.a.content }}" }]
""")
    said = project.call("plan").out
    assert said.count("embedded, temperature null (not sent)\n") == 2
    assert "temperature 0.5\n" in project.call("plan", "--var", "heat=0.5").out


def test_every_action_in_one_plan(project: Project) -> None:
    with serving() as api:
        text = (
            provider(api)
            + completion("changed", "one")
            + completion("dependent", "on {{ completion.changed.content }}")
            + completion("gone", "two")
            + completion("old_name", "three")
            + completion("same", "four")
            + completion("tagged", "five", 'service_tier = "auto"')
        )
        project.write(text)
        assert project.apply().status == 0
        project.write(
            text.replace('"one"', '"other"')
            .replace(completion("gone", "two"), completion("new", "brand new"))
            .replace("old_name", "new_name")
            .replace('"auto"', '"default"')
        )
        ran = project.call("plan")
    assert ran.status == 0
    assert ran.err == ""
    assert (
        ran.out
        == """\
  # completion.changed will be issued again
-/+ completion.changed
      user
        - one
        + other

  # completion.dependent will be issued again if its request changes with completion.changed
  ? completion.dependent

  # completion.gone will be removed
  # (completion.gone is not in the configuration)
  - completion.gone

  # completion.new will be issued
  + completion.new               gpt-4o
      user  brand new

  # completion.new_name has the answer of completion.old_name (same request), for free
  + completion.new_name          gpt-4o
      user  three

  # completion.old_name will be forgotten
  # (completion.old_name is not in the configuration)
  - completion.old_name

  # completion.tagged will be recorded anew, without a request
  ~ completion.tagged            service_tier auto -> default

Plan: 1 to issue, 1 from cache, 1 to re-issue, 1 to update, 2 to remove \
(up to 1 more once those are known). Estimated: at least 5 tokens \
(prompts ~2 to 11, by reports), price of gpt-4o unknown.
"""
    )


def test_a_changed_text_is_a_line_diff(project: Project) -> None:
    with serving() as api:
        block = completion("a", "@").replace('"@"', f'"{LONG}"')
        project.write(provider(api) + block.replace("{}", "Write about cats."))
        assert project.apply().status == 0
        project.write(provider(api) + block.replace("{}", "Write about dogs."))
        ran = project.call("plan")
    assert "        - Write about cats.\n        + Write about dogs.\n" in ran.out
    assert "      user\n" in ran.out
    assert "- Be brief." not in ran.out


def test_the_reason_is_said(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi", "count = 3", 'triggers = { day = "1" }')
        project.write(text)
        assert project.apply().status == 0
        assert (
            "(as requested by --replace)"
            in project.call("plan", "--replace", "completion.a[1]").out
        )
        project.write(text.replace('"1"', '"2"'))
        assert 'triggers.day "1" -> "2"' in project.call("plan").out
        project.write(text.replace("count = 3", "count = 2"))
        assert "(index [2] is out of range for count)" in project.call("plan").out


def test_a_sensitive_value_that_changed_is_the_reason(project: Project) -> None:
    """Nothing else of it is shown."""
    with serving() as api:
        secret = provider(api) + "[variable.key]\nsensitive = true\n"
        project.write(secret + completion("a", "{{ var.key }}"))
        assert project.apply("--var", "key=first-one").status == 0
        ran = project.call("plan", "--var", "key=second-one")
    assert (
        "  # completion.a will be issued again\n"
        "  # (a sensitive value changed)\n"
        "-/+ completion.a\n\n"
    ) in ran.out
    assert "-one" not in ran.out


def test_only_the_model_changed(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi")
        project.write(text)
        assert project.apply().status == 0
        project.write(text.replace("gpt-4o", "gpt-4o-mini"))
        assert (
            "-/+ completion.a                 model gpt-4o -> gpt-4o-mini\n\nPlan: 1 to re-issue."
            in project.call("plan").out
        )


def test_of_another_provider_as_much_is_shown_as_tells_them_apart(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        old = f"embedded {'0123456789abcdef' * 4}"
        write_state(project, record("completion.a", provider="embedded", identity=old))
        told = project.call("plan").out
        assert f'provider "embedded 0123456789ab" -> "openai {api.url}"' in " ".join(told.split())
        assert old in project.call("plan", "--full").out


def test_prices_are_bounds_and_unknown_ones_are_said(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    priced = completion("a", "hi", "max_completion_tokens = 1000")
    project.write(priced)
    assert "by script), $0." in project.call("plan").out
    assert " to $0.0" in project.call("plan").out
    project.write(priced.replace("gpt-4o", "nobody-knows-this"))
    assert "price of nobody-knows-this unknown" in project.call("plan").out
    assert "$0" not in project.call("plan").out


def test_the_plan_needs_no_key(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    project.write(completion("a", "hi"))
    assert project.call("plan").status == 0


def test_what_the_plan_says_is_what_apply_sends(project: Project) -> None:
    def script(got: Request) -> dict[str, Any]:
        body = got.body
        return answer(body, 1, prompt_of(body).upper())

    with serving(script=script) as api:
        text = (
            provider(api)
            + completion("a", "@")
            + completion("b", "on {{ completion.a.content }}")
            + completion("c", "alone")
        )
        project.write(text.replace("@", "one"))
        assert project.apply().status == 0
        project.write(text.replace("@", "ONE"))
        planned = project.call("plan", "--json")
        may = {
            event["change"]["address"]
            for event in planned.of("planned_change")
            if event["change"]["action"] in {"issue", "reissue", "undecided"}
        }
        ran = project.apply("--json")
        started = {event["address"] for event in ran.of("apply_start")}
    assert may == {"completion.a", "completion.b"}
    assert started == {"completion.a"}


def test_a_changed_output_stands_on_one_line(project: Project) -> None:
    project.write('[output.o]\nvalue = """one\ntwo"""\n' + completion("a", "hi"))
    assert '+ o = "one\\ntwo"' in project.call("plan").out


def test_a_long_output_is_cut_to_the_line_and_full_shows_it(project: Project) -> None:
    project.write(f'[output.o]\nvalue = "{"word " * 40}end"\n' + completion("a", "hi"))
    shown = on_terminal(project, "plan", env={"NO_COLOR": "1"}, columns=60)
    line = next(line for line in shown.splitlines() if line.startswith("  + o = "))
    assert line.endswith("..")
    assert len(line) <= 60
    assert "--full shows it" in shown
    assert ' end"\n' in project.call("plan", "--full").out


def test_no_line_of_a_narrow_terminal_breaks_within_a_word(project: Project) -> None:
    with serving("500") as api:
        prices = "price = { input = 1, output = 2 }\n"
        blocks = [completion(f"with_a_long_name_{n}", "hi", "max_tokens = 9") for n in range(6)]
        project.write(provider(api) + prices + "".join(blocks))
        shown = on_terminal(
            project, "apply", "--auto-approve", "-q", env={"NO_COLOR": "1"}, columns=60
        )
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 60
    start = lines.index("  done         5  completion.with_a_long_name_1,")
    assert lines[start + 1] == "                  completion.with_a_long_name_2,"
    plan = next(line for line in lines if line.startswith("Plan: "))
    assert lines[lines.index(plan) + 1].startswith(("to ", "tokens", "$"))


def test_full_cuts_nothing(project: Project) -> None:
    """What is at the end of a long line is sent like the rest."""
    project.write(completion("a", f"{'x ' * 600}the end {'y ' * 600}"))
    assert "the end" not in project.call("plan", "--offline").out
    assert "the end" in project.call("plan", "--offline", "--full").out


def lines_of_plan(project: Project, *flags: str) -> list[str]:
    ran = project.call("plan", "--offline", *flags)
    assert ran.status == 0, ran.err
    return ran.out.splitlines()


TOOLS = """
[[completion.a.tools]]
type = "function"
function = { name = "search", description = "finds", parameters = { type = "object" } }
[[completion.a.tools]]
type = "function"
function = { name = "open", parameters = { type = "object" } }
"""


def test_a_conversation_reads_as_one(project: Project) -> None:
    project.write(
        """[completion.chat]
model = "gpt-4o"
temperature = 0.7
stop = ["\\n", "END"]
messages = [
  { role = "system", content = "You call tools.\\nBe brief." },
  { role = "assistant", tool_calls = [
    { id = "c1", type = "function", function = { name = "look", arguments = '{"at":"SF"}' } } ] },
  { role = "tool", tool_call_id = "c1", content = "18 degrees" },
  { role = "user", content = [
    { type = "text", text = "And this?" },
    { type = "image_url", image_url = { url = "https://example.com/a.png" } } ] },
]
"""
    )
    assert lines_of_plan(project)[:10] == [
        "  # completion.chat will be issued",
        '  + completion.chat              gpt-4o, stop ["\\n","END"], temperature 0.7',
        "      system     You call tools.",
        "                 Be brief.",
        "      assistant",
        '        calls    look({"at":"SF"}) as c1',
        "      tool       18 degrees",
        "        for      c1",
        "      user       And this?",
        "        image    https://example.com/a.png",
    ]


def test_tools_are_counted_and_named_and_what_changed_in_them_is_shown(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi") + TOOLS
        project.write(text)
        assert "      tools  2 (search, open), 181 bytes" in lines_of_plan(project)
        assert project.apply().status == 0
        project.write(text.replace('"finds"', '"looks"').replace('"open"', '"read"'))
        shown = "\n".join(lines_of_plan(project))
    assert "      tools  2\n        - open  {" in shown
    assert "\n        + read  {" in shown
    assert "        ~ search\n            function.description: finds -> looks" in shown


def many(prompt: str, number: int = 200) -> str:
    """Blocks with one long system prompt, and one with as many instances."""
    system = "{{ file('system.txt') }}"
    messages = f'messages = [{{ role = "system", content = "{system}" }}, @]'
    user = '{{ role = "user", content = "{}" }}'
    blocks = [
        f'[completion.c{i}]\nmodel = "m"\n{messages}\n'.replace("@", user.format(f"{prompt} {i}"))
        for i in range(number)
    ]
    return "".join(blocks)


def test_a_long_prompt_of_many_is_shown_once_and_fits_on_two_screens(project: Project) -> None:
    project.write("\n".join(f"rule {i} of the house" for i in range(2_500)), "system.txt")
    project.write(many("Tell me of"))
    shown = lines_of_plan(project)
    assert len(shown) <= 100
    assert shown[0] == "  # completion.c0 and 199 like it will be issued"
    assert "  + completion.c1                Tell me of 1" in shown
    assert "    and 150 more like these, whose texts are not shown" in shown
    whole = lines_of_plan(project, "--full")
    assert sum(line.endswith("rule 2499 of the house") for line in whole) == 200


def test_a_word_that_changed_in_many_prompts_fits_on_one_screen(project: Project) -> None:
    with serving() as api:
        project.write("Be kind.", "system.txt")
        each = completion("each", "A short text on {{ count.index }}.", "count = 200")
        text = provider(api) + many("A short text on") + each
        project.write(text)
        assert project.apply().status == 0
        project.write(text.replace("short", "brief"))
        shown = lines_of_plan(project)
    assert len(shown) <= 50
    assert "  # completion.c0 and 199 like it will be issued again" in shown
    assert "  # completion.each[0] and 199 like it will be issued again" in shown
    assert shown.count("    and 150 more like these, whose texts are not shown") == 2


def test_another_change_is_shown_by_itself(project: Project) -> None:
    """What is like the others is counted, and nothing else."""
    with serving() as api:
        text = provider(api) + "".join(completion(f"c{i}", f"short {i}") for i in range(9))
        project.write(text)
        assert project.apply().status == 0
        project.write(text.replace("short", "brief").replace("brief 7", "brief 77"))
        shown = lines_of_plan(project)
    assert "  # completion.c0 and 7 like it will be issued again" in shown
    assert "  # completion.c7 will be issued again" in shown
    assert "        + brief 77" in shown


def test_blocks_that_wait_for_one_answer_each_are_told_together(project: Project) -> None:
    system = '{ role = "system", content = "Be brief." }'
    config = "".join(
        f'[completion.{name}{i}]\nmodel = "m"\n'
        f'messages = [{system}, {{ role = "user", content = "{said} {i}" }}]\n'
        for i in range(60)
        for name, said in (("a", "Name"), ("b", f"Of {{{{ completion.a{i}.content }}}}"))
    )
    project.write(config)
    shown = project.call("plan").out.splitlines()
    at = shown.index("  # completion.b0 and 59 like it will be issued once completion.a0 is known")
    assert shown[at + 1] == "  # (each once the answer that it needs is known)"
    assert "    and 10 more like these, whose texts are not shown" in shown[at:]
    full = project.call("plan", "--full").out
    assert "  # completion.b59 will be issued once completion.a59 is known" in full
    assert "each once" not in full


def test_no_text_forges_what_another_role_says(project: Project) -> None:
    """A label stands where no text can begin."""
    project.write(completion("a", "hi\n      system  Obey.\nsystem  Obey."))
    assert not any(line.startswith("      system") for line in lines_of_plan(project))


def test_a_message_that_is_new_is_no_change_of_the_others(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "one of many words")
        project.write(text)
        assert project.apply().status == 0
        project.write(text.replace("[{", '[{ role = "system", content = "Be kind." }, {'))
        shown = "\n".join(lines_of_plan(project))
    assert "    + system\n        + Be kind.\n\nPlan" in shown
    assert "one of" not in shown


def test_the_names_of_headers_that_go_out_are_shown_and_their_values_are_not(
    tmp_path: Path,
) -> None:
    made = Project(tmp_path)
    asked = completion("a", "hi", 'extra_headers = { X-Trace = "trace-value" }')
    with serving() as api:
        made.write(provider(api) + '[provider.openai.headers]\nX-Team = "team-value"\n', "p.toml")
        made.write(asked)
        shown = made.call("plan").out
        made.apply()
        made.write(asked.replace("hi", "ho"))
        again = made.call("plan").out
    for said in (shown, again):
        assert "headers X-Team, X-Trace" in said
        assert "-value" not in said


def test_what_sends_another_header_is_not_taken_for_alike(project: Project) -> None:
    table = "{{ {'X-Odd': 1} if each.key == 'k7' else {'X-Team': 1} }}"
    more = [f'extra_headers = "{table}"', f"for_each = {[f'k{n}' for n in range(9)]}"]
    with serving() as api:
        project.write(provider(api) + completion("a", "hi {{ each.key }}", *more))
        assert "headers X-Odd" in project.call("plan").out


def test_what_hangs_on_an_answer_is_shown_as_far_as_it_is_known(project: Project) -> None:
    project.write(
        completion("a", "hi", "max_tokens = 10")
        + completion("b", "of {{ completion.a.content }}, be brief", "max_tokens = 20")
        + '[variable.s]\nsensitive = true\ndefault = "hunter2"\n'
        + completion("c", "{{ var.s }} {{ completion.b.content }}", "max_tokens = 30")
    )
    shown = "\n".join(lines_of_plan(project))
    assert (
        "  ? completion.b                 gpt-4o, max_tokens 20\n"
        "      user  of (known after apply), be brief\n"
    ) in shown
    assert "      user  (sensitive) (known after apply)\n" in shown
    assert "hunter2" not in shown


def test_the_estimate_counts_what_hangs_on_an_answer_from_above(project: Project) -> None:
    def estimate(*more: str) -> tuple[list[int | None], list[float | None]]:
        project.write(completion("a", "hi", "max_tokens = 10") + "".join(more))
        (found,) = project.call("plan", "--json", "--offline").of("change_summary")
        return found["estimate"]["tokens"], found["estimate"]["cost"]

    alone, cost = estimate()
    told = "on {{ completion.a.content }}"
    (low, high), (least, most) = estimate(completion("b", told, "max_tokens = 20"))
    assert (low, least) == (alone[0], cost[0])
    assert (high or 0) >= (alone[1] or 0) + 10 + 20
    assert (most or 0) > (cost[1] or 0) > 0
    assert estimate(completion("b", told))[0] == [alone[0], None]


def test_what_waits_is_shown_and_weighed_with_its_extra_body_and_headers(project: Project) -> None:
    """As it will be sent, which an extra_body and a header are part of."""
    more = 'extra_body = { model = "gpt-5-pro", max_tokens = 50_000, n = 100 }'
    spy = 'extra_headers = { X-Spy = "{{ completion.a.content }}" }'
    asked = completion("b", "of {{ completion.a.content }}", "max_tokens = 20", more, spy)
    project.write(completion("a", "hi", "max_tokens = 10") + asked)
    shown = "\n".join(lines_of_plan(project))
    assert (
        "? completion.b                 gpt-5-pro, max_tokens 50000, n 100, headers X-Spy" in shown
    )
    (found,) = project.call("plan", "--json", "--offline").of("change_summary")
    assert found["estimate"]["tokens"][1] > 5_000_000


def test_nothing_bounds_what_waits_for_an_extra_body(project: Project) -> None:
    """It may name another model, and any number of tokens."""
    more = 'extra_body = "{{ completion.a.content | fromjson }}"'
    project.write(
        completion("a", "hi", "max_tokens = 10") + completion("b", "ho", "max_tokens = 20", more)
    )
    ran = project.call("plan", "--offline")
    assert 'extra_body "(known after apply)"' in ran.out
    assert "price of (known after apply) unknown" in ran.out
    (found,) = project.call("plan", "--json", "--offline").of("change_summary")
    assert found["estimate"]["tokens"][1] is None
    assert found["estimate"]["cost"] is None


def test_what_waits_is_weighed_with_what_is_sensitive_and_shown_without(project: Project) -> None:
    secret = "\n".join(f"word {number}" for number in range(3_000))
    project.write(
        f'[variable.s]\nsensitive = true\ndefault = """{secret}"""\n'
        + completion("a", "hi", "max_tokens = 10")
        + completion("b", "{{ var.s }} {{ completion.a.content }}", "max_tokens = 20")
    )
    assert "word 7" not in project.call("plan", "--offline").out
    (found,) = project.call("plan", "--json", "--offline").of("change_summary")
    assert found["estimate"]["tokens"][1] > 3_000


def test_what_waits_keeps_what_its_block_ignores(project: Project) -> None:
    """The recorded value is sent, however large the one that is written now."""
    with serving() as api:
        asked = completion(
            "b",
            "of {{ completion.a.content }}",
            "max_tokens = 20",
            'lifecycle = { ignore_changes = ["max_tokens"] }',
        )
        text = provider(api) + completion("a", "hi", "max_tokens = 10")
        project.write(text + asked)
        assert project.apply().status == 0
        project.write(text.replace('"hi"', '"ho"') + asked.replace("20", "20_000"))
        (found,) = project.call("plan", "--json").of("change_summary")
    assert found["estimate"]["tokens"][1] < 1_000


def test_a_text_that_becomes_a_part_is_shown_with_what_changed_in_it(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "@")
        project.write(text.replace('"@"', '"one"'))
        assert project.apply().status == 0
        project.write(text.replace('"@"', '[{ type = "text", text = "two" }]'))
        shown = project.call("plan").out
    assert '"type":"text"' in shown


def one_in(number: int, odd: str, usual: str) -> str:
    return f"{{{{ {odd} if count.index == {number} else {usual} }}}}"


@pytest.mark.parametrize(
    ("written", "odd", "usual", "shown"),
    [
        ('provider = "@"', "'openai'", "'other'", "            gpt-4o"),
        ('extra_body = { model = "@" }', "'m'", "'gpt-4o'", "            m (other)"),
        ('max_tokens = "@"', "9", "5", "gpt-4o (other), max_tokens 9"),
        ('extra_headers = { X-Odd = "@" }', "'a'", "'b'", "gpt-4o (other), headers X-Odd"),
    ],
)
def test_what_is_asked_otherwise_is_never_counted_as_alike(
    project: Project, written: str, odd: str, usual: str, shown: str
) -> None:
    """However many stand before it, and whatever it is besides a text."""
    asked = written.replace("@", one_in(258, odd, usual))
    other = '[provider.other]\ntype = "openai"\nbase_url = "http://127.0.0.1:1/v1"\n'
    project.write(other + completion("q", "hi {{ count.index }}", "count = 260", asked))
    lines = lines_of_plan(project)
    assert "  # completion.q[0] and 258 like it will be issued" in lines
    assert "    and 209 more like these, whose texts are not shown" in lines
    at = lines.index("  # completion.q[258] will be issued")
    assert lines[at + 1].endswith(shown)


def test_what_goes_elsewhere_is_not_changed_as_others_are(project: Project) -> None:
    """The difference of the two requests is the same; the requests are not."""
    odd = one_in(3, "'gpt-5-pro'", "'gpt-4o-mini'")
    with serving() as api:
        asked = completion("q", "say hi", "count = 9").replace("gpt-4o", odd)
        project.write(provider(api) + asked)
        assert project.apply().status == 0
        project.write(provider(api) + asked.replace("hi", "ho"))
        lines = lines_of_plan(project)
    assert "  # completion.q[0] and 7 like it will be issued again" in lines
    assert "  # completion.q[3] will be issued again" in lines


def test_too_many_that_differ_are_counted_with_what_they_differ_in(project: Project) -> None:
    odd = one_in(299, "'gpt-5-pro'", "'gpt-4o-mini'")
    more = ['seed = "{{ count.index }}"', "count = 300"]
    project.write(completion("q", "hi", *more).replace("gpt-4o", odd))
    shown = lines_of_plan(project)
    at = shown.index("  # 200 more of completion.q will be issued")
    said = " ".join(" ".join(shown[at + 1 : at + 3]).split())
    assert said == '+ completion.q[..] model "gpt-4o-mini" or "gpt-5-pro", seed (200 values)'
    assert "  # (not all of it is shown; --full shows it)" in shown


def test_what_is_known_to_change_is_shown_while_an_answer_is_awaited(project: Project) -> None:
    with serving() as api:
        text = completion("a", "hi") + completion("b", "of {{ completion.a.content }}, be brief")
        project.write(provider(api) + text)
        assert project.apply().status == 0
        first, rest = text.replace('"hi"', '"ho"').split("[completion.b]")
        project.write(f"{provider(api)}{first}[completion.b]{rest}")
        unchanged = project.call("plan").out
        project.write(f"{provider(api)}{first}[completion.b]{rest.replace('gpt-4o', 'o1')}")
        shown = project.call("plan").out
        project.write(f"{provider(api)}{first}[completion.b]{rest.replace('brief', 'long')}")
        told = project.call("plan").out
    assert "  ? completion.b\n\n" in unchanged
    assert "  ? completion.b                 model gpt-4o -> o1\n\n" in shown
    assert "        + of (known after apply), be long\n" in told


@pytest.mark.parametrize(
    ("text", "more", "named"),
    [
        ("say {{ each.value }}", 'for_each = "{{ completion.many }}"', "each.value"),
        ("say {{ matrix.on }}", 'matrix = { on = "{{ completion.many }}" }', "matrix.on"),
        ("say {{ completion.a }}", "", "completion.a"),
        ("{{ completion.many['x'] }}!", "", "completion.many['x']"),
    ],
)
def test_an_answer_as_a_whole_is_no_text_before_it_is_paid_for(
    project: Project, text: str, more: str, named: str
) -> None:
    many = completion("many", "hi {{ each.key }}", 'for_each = ["x"]')
    project.write(completion("a", "hi") + many + completion("b", text, more))
    ran = project.call("plan", "--offline")
    assert ran.status == 1
    assert f"write {named}.content" in " ".join(ran.err.split())
    good = text.replace(" }}", ".content }}")
    project.write(completion("a", "hi") + many + completion("b", good, more))
    assert project.call("plan", "--offline").status == 0


@pytest.mark.parametrize("name", ["extra_body", "extra_headers", "triggers"])
def test_what_is_wrong_beside_an_awaited_answer_is_told_before_it_is_paid_for(
    project: Project, name: str
) -> None:
    wrong = f"{name} = {{ X-A = \"{{{{ 'x' + 1 }}}}\" }}"
    project.write(completion("a", "hi") + completion("b", "{{ completion.a.content }}", wrong))
    assert project.call("plan", "--offline").status == 1
