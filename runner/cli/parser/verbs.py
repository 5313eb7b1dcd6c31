"""Every verb: what it is for, the flags of its own, and an example."""

from collections.abc import Callable
from typing import get_args

from runner.cli.parser import flags
from runner.cli.parser.parser import Parser
from runner.cli.parser.verb import Verb
from runner.operations.options import TemplateName

SHELLS = ("bash", "zsh", "fish")
"""The shells that have a completion script."""

FAIL_ON = ("not-met", "regression", "never")
"""As runner.core.checks.verdicts:FailOn has it, which no start has time for."""


def _plan(add: Verb) -> None:
    made = add(
        "show what would be issued, why, and what it costs",
        "runner plan --target completion.chat",
        detail="Nothing is written, and nothing is sent\n"
        "unless data sources, [[import]] blocks or the state of a backend have to be read.",
    )
    flags.variables(made)
    flags.choice(made)
    flags.trusting(made)
    flags.asking(made)
    flags.parallel(made)
    flags.batching(made)
    made.add_argument("--destroy", action="store_true", help="plan to remove everything")
    made.add_argument("--out", metavar="FILE", help="save the plan for `runner apply FILE`")
    made.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 if there are changes"
    )
    made.add_argument(
        "--watch",
        dest="module",  # a command of its own, but for what it shows
        action="store_const",
        const="watch",
        help="show it anew when a file changes; Enter applies what is shown, q ends",
    )
    flags.events(made)


def _apply(add: Verb) -> None:
    made = add(
        "issue what the plan says, and record every answer",
        "runner apply --auto-approve --concurrency 8",
        detail="Shows the plan and asks; only 'yes' is taken for yes.",
    )
    made.add_argument("plan", nargs="?", metavar="PLANFILE", help="a plan saved by plan --out")
    flags.variables(made)
    flags.choice(made)
    made.add_argument("--destroy", action="store_true", help="remove everything")
    flags.approval(made)
    flags.trusting(made)
    flags.parallel(made)
    flags.spending(made)
    flags.waiting(made)
    flags.batching(made)
    flags.executing(made)
    made.add_argument(
        "--no-wait",
        action="store_true",
        help="send the batches and exit with 3; a later apply takes the answers",
    )
    made.add_argument(
        "--ignore-batches", action="store_true", help="send what is under way in a batch as well"
    )
    made.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    made.add_argument(
        "--stream",
        nargs="?",
        metavar="ADDR",
        help="show answers as they are written; --stream=ADDR: one, raw on stdout",
    )
    made.add_argument("--junit", metavar="FILE", help="also write a JUnit XML report")
    made.add_argument(
        "--check", action="store_true", help="exit with 3 if a check of the answers is not met"
    )
    flags.events(made)


def _check(add: Verb) -> None:
    made = add(
        "see whether the recorded answers are as they are expected to be",
        "runner check --tag nightly --junit report.xml",
        detail="The\n"
        "[check.NAME] and [compare.NAME] blocks are evaluated on the answers in the state.\n"
        "Nothing is sent and nothing is stored: a check that was written today says what\n"
        "last month's answers are worth. Exits with 3 if one of severity error is not met.\n\n"
        "With --against, the same checks are evaluated on the answers of another revision as\n"
        "well, and it is told what fails or holds that did not. `--fail-on regression` then\n"
        "fails only where something that held does not hold any more.",
    )
    made.add_argument(
        "names", nargs="*", metavar="CHECK|ADDR", help="these checks, or these answers; else all"
    )
    made.add_argument(
        "--tag", action="append", metavar="TAG", help="checks that have this tag, or another named"
    )
    flags.against(made)
    made.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        default=FAIL_ON[0],
        help="what exits with 3: a check that is not met (so unless given), or that regressed",
    )
    made.add_argument("--junit", metavar="FILE", help="also write a JUnit XML report")
    made.add_argument("--markdown", metavar="FILE", help="also write a table for a pull request")
    made.add_argument(
        "--github", action="store_true", help="also print annotations for GitHub Actions"
    )
    made.add_argument("--json", action="store_true", help="one JSON object, with every answer")
    flags.trusting(made)
    flags.asking(made)
    flags.variables(made)


def _drift(add: Verb) -> None:
    made = add(
        "see whether models still answer as they did",
        "runner drift --count 20 --max-cost 0.10",
        detail="Tells which\n"
        "model served the recorded answers, then asks for some of them again, twice each, and\n"
        "tests whether the new answers differ from the recorded ones by more than from each\n"
        "other, and whether checks hold as often. Shows first what is sent and what it costs,\n"
        "and asks. State and records stay as they are. Exits with 3 if drift is shown.",
    )
    made.add_argument("addresses", nargs="*", metavar="ADDR", help="of these answers; else of all")
    many = made.add_mutually_exclusive_group()
    many.add_argument(
        "--count", type=flags.at_least(1), default=20, metavar="N", help="so many answers (20)"
    )
    many.add_argument("--share", type=flags.share, metavar="PERCENT", help="or such a share: 5%%")
    made.add_argument(
        "--seed", metavar="TEXT", help="which ones: the same for the same text; else for the day"
    )
    made.add_argument(
        "--repeat", type=flags.at_least(2, 10), default=2, metavar="N", help="how often each (2)"
    )
    flags.variables(made)
    made.add_argument("--offline", action="store_true", default=None, help="ask no provider")
    flags.approval(made)
    flags.trusting(made)
    flags.parallel(made)
    flags.spending(made)
    made.add_argument("--json", action="store_true", help="one JSON object, with every figure")


def _report(add: Verb) -> None:
    made = add(
        "write a report of answers and checks, for a pull request",
        "runner report --against main... --markdown report.md",
        detail="Says which\n"
        "answers changed, what is asked otherwise, what checks come to on both sides, what\n"
        "it cost, and what the next apply would do. Nothing is sent, and no key is needed.\n"
        "The Markdown is short enough for a comment, what matters most first; without a\n"
        "file, it goes to stdout.",
    )
    made.add_argument(
        "names", nargs="*", metavar="CHECK|ADDR", help="these checks, or these answers; else all"
    )
    flags.against(made)
    made.add_argument("--markdown", metavar="FILE", help="write it as a comment for a pull request")
    made.add_argument("--json", metavar="FILE", dest="json_file", help="write all of it as JSON")
    made.add_argument(
        "--html", metavar="FILE", help="write the pages of `runner view` as one file, for a browser"
    )
    made.add_argument(
        "--max-size",
        type=flags.size,
        metavar="SIZE",
        help="of the HTML, as 20MB: what was asked is left out first",
    )
    flags.trusting(made)
    flags.variables(made)


def _destroy(add: Verb) -> None:
    made = add(
        "remove every record",
        "runner destroy --auto-approve",
        detail="Deletes stored completions at their server; cached answers stay, so that a later "
        "apply is free,\nand so do the files that outputs were written to.",
    )
    flags.variables(made)
    flags.addresses(made)
    flags.approval(made)
    flags.trusting(made)
    flags.parallel(made)
    flags.waiting(made)
    flags.whole(made)
    flags.events(made)


def _output(add: Verb) -> None:
    made = add(
        "print one output, or all; or answers as a table",
        "runner output chat --raw",
        detail="With --csv or\n"
        "--jsonl, what is named is a completion, and each of its answers is a row: the\n"
        "values of its instance, what came, tokens, cost and seconds.\n\n"
        "On a terminal, also with --raw, control characters and characters that nobody\n"
        "sees are written out (\\u001b); through a pipe each byte goes as it is.",
    )
    made.add_argument("name", nargs="?", metavar="OUTPUT")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="the text as it is, nothing added")
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--csv", action="store_true", help="answers as a table, for notebooks")
    form.add_argument("--jsonl", action="store_true", help="the same, one JSON object a line")
    flags.variables(made)


def _init(add: Verb) -> None:
    made = add(
        "write a small project that runs without a key, or make one ready",
        "runner init hello --template table",
        detail="Never overwrites a file.\n\n"
        "  chain    an answer in the prompt of another one\n"
        "  table    a completion for each row of a table\n"
        "  compare  one question in several ways, and what is best\n"
        "  tools    a function that the model calls (with a key, or a server of your own)\n"
        "  ci       chain, and a check of each pull request\n\n"
        "In a project whose configuration has a [runner.backend], it tries that, asks whether\n"
        "the state may live there, and remembers it on this machine. Where there is a state in\n"
        "the place of before, say what becomes of it: --migrate-state or --reconfigure.\n\n"
        "It fetches the modules whose source is a repository (git::..), once you have said that\n"
        "it may, and pins each commit in .modules.lock.toml. No other command fetches.",
        in_project=False,
    )
    made.add_argument("directory", nargs="?", metavar="DIR", default=None)
    flags.asking(made)
    made.add_argument(
        "--template", choices=get_args(TemplateName), default="chain", help="what to begin with"
    )
    kind = made.add_mutually_exclusive_group()
    kind.add_argument(
        "--migrate-state", action="store_true", help="copy the states of before to the backend"
    )
    kind.add_argument(
        "--reconfigure", action="store_true", help="use what is in the backend as it is"
    )
    made.add_argument(
        "--force-copy", action="store_true", help="migrate even over states of another lineage"
    )
    made.add_argument(
        "--backend-config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value of [runner.backend], remembered on this machine",
    )
    made.add_argument(
        "--upgrade", action="store_true", help="take the commits that modules' refs name now"
    )
    flags.trusting(made)
    flags.waiting(made)


def _validate(add: Verb) -> None:
    made = add(
        "check everything that can be known without a request",
        "runner validate --json",
        detail="\n\nFor completion and checks as you type, in editors that use Taplo:\n"
        "  runner validate --schema > runner.schema.json\n"
        "and as the first line of a configuration file:\n"
        "  #:schema ../runner.schema.json",
    )
    flags.variables(made)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object, for editors")
    form.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a configuration file"
    )


def _show(add: Verb) -> None:
    made = add(
        "show the state, one record, or a saved plan", "runner show 'completion.review[\"alice\"]'"
    )
    made.add_argument("what", nargs="?", metavar="ADDR|PLANFILE")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument(
        "--text",
        dest="module",
        action="store_const",
        const="show_text",
        help="of a state file, whatever its name: as git shows it",
    )
    flags.whole(made)
    flags.variables(made)


def _diff(add: Verb) -> None:
    made = add(
        "show which answers changed since a revision of git, and how",
        "runner diff main... 'completion.review[*]'",
        detail="Words that went and that\n"
        "came stand as [-went-]{+came+}, JSON is compared path by path. Reads the state's file in\n"
        "commits; a key and a network are not needed.\n\n"
        "  runner diff            what an apply changed since HEAD\n"
        "  runner diff v1         since a revision; v1 v2 or v1..v2 between two\n"
        "  runner diff main...    on this branch, since it left main\n"
        "  runner diff old.json   since a state that a file holds\n"
        "  runner diff workspace:prod    what this workspace has otherwise than that one\n"
        "  runner diff serial:7   since a state that a backend keeps",
    )
    made.add_argument("names", nargs="*", metavar="REV|ADDR", help="at most two REV, then any ADDR")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--stat", action="store_true", help="a line for each change")
    form.add_argument("--markdown", action="store_true", help="for a comment or an issue")
    form.add_argument("--json", action="store_true", help="one JSON object")
    made.add_argument(
        "--exit-code", action="store_true", help="exit with 2 if an answer changed (1 is an error)"
    )
    made.add_argument("--full", action="store_true", help="cut no text")
    flags.variables(made)


def _history(add: Verb) -> None:
    made = add(
        "show the earlier answers that git holds, and why each was another",
        "runner history completion.chat --since 2026-09-01",
        detail="Of\n"
        "one address, a line for each commit in which it was asked or answered otherwise\n"
        "than in every parent; else a line for each commit that changed answers. Checks\n"
        "are today's, on the answers of then. Nothing is sent.",
    )
    made.add_argument("address", nargs="?", metavar="ADDR", help="one answer, or a block or glob")
    made.add_argument("--since", metavar="REV|DATE", help="what is newer: v1, 2026-09-01")
    made.add_argument("--limit", type=flags.positive, metavar="N", help="so many lines at most")
    made.add_argument("--diff", action="store_true", help="with what changed, word by word")
    made.add_argument("--json", action="store_true", help="one JSON object")
    made.add_argument("--full", action="store_true", help="cut no text")


def _view(add: Verb) -> None:
    made = add(
        "look at the answers in a browser",
        "runner view --no-open --port 8080",
        detail="Prints an address on this machine\nand opens it: all answers as a table, beside "
        "each other by an axis of a matrix, and one by one\nwith what was asked and what checks "
        "say. The page follows the state and the configuration.\n\n"
        "Nothing can be changed there, and nothing leaves this machine; it takes no lock and no\n"
        "key. Who has the address can read, so each start has another one.",
    )
    made.add_argument("--rev", metavar="REV", help="the answers as a revision of git has them")
    made.add_argument("--against", metavar="REV", help="beside those of another revision or file")
    made.add_argument(
        "--port", type=flags.whole_number, default=0, metavar="N", help="default: a free one"
    )
    made.add_argument("--no-open", action="store_false", dest="open", help="only print the address")
    made.add_argument(
        "--host", default="127.0.0.1", metavar="HOST", help="listen there: others can read along"
    )
    flags.variables(made)


def _state(add: Verb) -> None:
    add(
        "list, show, move, remove, pull or push records, or resolve a merge",
        "runner state list 'completion.*'",
    )
    made = add.action("list", "list addresses", "list 'completion.review[*]'")
    made.add_argument("patterns", nargs="*", metavar="ADDR")
    made.add_argument("--json", action="store_true", help="as JSON")
    made.add_argument("--all-serials", action="store_true", help="list the states that are kept")
    made = add.action("show", "show one record", "show completion.chat")
    made.add_argument("address", metavar="ADDR")
    made.add_argument("--json", action="store_true", help="as JSON")
    made = add.action(
        "mv",
        "give a record, a block with its instances or a module another address",
        "mv completion.chat completion.greeting",
    )
    made.add_argument("source", metavar="FROM")
    made.add_argument("target", metavar="TO")
    flags.waiting(made)
    made = add.action("rm", "forget records; cached answers stay", "rm completion.chat")
    made.add_argument("patterns", nargs="+", metavar="ADDR")
    flags.waiting(made)
    made = add.action(
        "resolve", "merge both sides where git left conflict markers in the state", "resolve"
    )
    flags.variables(made)
    flags.waiting(made)
    made = add.action("pull", "write the state file to stdout", "pull > state.copy.json")
    made.add_argument(
        "--serial", type=flags.whole_number, metavar="N", help="an earlier state that is kept"
    )
    made = add.action(
        "push",
        "take a state file for the state, or merge the answers of an errored-*.jsonl file into it",
        "push state.copy.json",
    )
    made.add_argument("file", metavar="FILE", help="or - for stdin")
    made.add_argument("--force", action="store_true", help="even another lineage, or an older one")
    flags.waiting(made)


def _import(add: Verb) -> None:
    made = add(
        "take a stored completion into the state, and print its block",
        "runner import completion.chat chatcmpl-abc123",
        module="import_",
    )
    made.add_argument("address", metavar="ADDR")
    made.add_argument("id", metavar="ID")
    made.add_argument("--provider", metavar="PROVIDER", help="where it is stored")
    flags.trusting(made)
    flags.asking(made)
    flags.waiting(made)
    flags.variables(made)


def _trust(add: Verb) -> None:
    made = add(
        "show what this project may send where, and say that it may",
        "runner trust",
        detail="A key or a variable of yours goes\n"
        "to no host that you did not name yourself, until you say yes once. The answer is kept\n"
        "for this project, in your own configuration folder; you are asked again when the project\n"
        "wants more. Requests to api.openai.com with OPENAI_API_KEY, to the OPENAI_BASE_URL of\n"
        "your own environment, to the host of a provider that is known by name with its own key,\n"
        "and without a key to a server on this machine need no asking.\n\n"
        "Where there is no terminal, name the hosts for one run: --trust HOST, or\n"
        "RUNNER_TRUST=HOST in the environment.",
    )
    kind = made.add_mutually_exclusive_group()
    kind.add_argument("--list", action="store_true", help="show every project that is trusted")
    kind.add_argument("--revoke", action="store_true", help="forget what this project may")
    flags.variables(made)


def _providers(add: Verb) -> None:
    made = add(
        "list who can be asked, or show the settings of one",
        "runner providers groq",
        detail="Those of the\n"
        "project, and those that are known by name, with the variable that holds the key of each,\n"
        "and whether it is set. The settings of one say who says so: a line of the configuration,\n"
        "what is known by its name (preset), or a variable. No key is ever shown.",
    )
    made.add_argument("name", nargs="?", metavar="PROVIDER")
    made.add_argument("--json", action="store_true", help="as JSON")
    flags.variables(made)


def _convert(add: Verb) -> None:
    made = add(
        "turn HCL, a JSONL of requests or a promptfoo YAML into this configuration language",
        "runner convert main.tf > main.toml",
        in_project=False,
        detail="All files are\n"
        "one configuration. A *.jsonl holds a request a line: a body, or a line of OpenAI's\n"
        "batches; a *.yaml is promptfoo's; anything else is Terraform's HCL. What cannot be\n"
        "converted is named with its place, and is status 1. `runner docs convert` says more.",
    )
    made.add_argument(
        "files", nargs="+", metavar="FILE", help="or a folder of *.tf, or - for stdin"
    )
    made.add_argument("--out", metavar="FILE", help="write there instead of stdout")


def _graph(add: Verb) -> None:
    made = add(
        "draw what waits for what",
        "runner graph --format mermaid",
        detail="An arrow leads from a block to what it waits for.",
    )
    made.add_argument(
        "--format",
        choices=["dot", "mermaid", "svg"],
        default="dot",
        help="for Graphviz, for Markdown, or as an image",
    )
    flags.variables(made)


def _console(add: Verb) -> None:
    made = add(
        "evaluate expressions against configuration and state",
        "runner console 'completion.chat.usage.total_tokens'",
        detail="Without one, they are read from\nthe terminal, or line by line from stdin.",
    )
    made.add_argument("expression", nargs="?", metavar="EXPR")
    flags.variables(made)


def _fmt(add: Verb) -> None:
    made = add("write the configuration in its canonical layout", "runner fmt --check")
    made.add_argument(
        "files", nargs="*", metavar="FILE", help="or a folder, or -; default: the root module's"
    )
    made.add_argument("--check", action="store_true", help="change nothing; exit 1 if needed")


def _cache(add: Verb) -> None:
    add("tell about the cache of answers, fill it, share it, or empty it", "runner cache info")
    flags.trusting(
        add.action("info", "tell how many answers there are, and how large; the team's too", "info")
    )
    made = add.action("push", "give a shared cache what it does not have yet", "push")
    made.add_argument(
        "--all", action="store_true", help="all that may be shared, not only what is new"
    )
    flags.trusting(made)
    made = add.action("pull", "take from a shared cache what would be asked for", "pull")
    made.add_argument("addresses", nargs="*", metavar="ADDR", help="only for these")
    flags.variables(made)
    flags.trusting(made)
    made = add.action("import", "put all answers of a git revision into the cache", "import HEAD~1")
    made.add_argument("source", metavar="REV", help="or a state file")
    flags.waiting(made)
    flags.approval(add.action("prune", "drop cached answers that no record refers to", "prune"))
    flags.approval(add.action("clear", "drop all cached answers; the state keeps its own", "clear"))


def _batch(add: Verb) -> None:
    add(
        "list, collect, await, cancel or forget the batches under way",
        "runner batch list",
        detail="A batch\n"
        "goes on at the server whatever becomes of the run that sent it: the next apply\n"
        "takes its answers from there.",
    )
    made = add.action("list", "list the batches under way, and how far each is", "list --json")
    made.add_argument("--json", action="store_true", help="as JSON")
    _asking_of_batches(made)
    made = add.action("collect", "take what batches have answered into the cache", "collect")
    _asking_of_batches(made)
    flags.waiting(made)
    made = add.action("wait", "collect until every batch has ended", "wait")
    _asking_of_batches(made)
    flags.waiting(made)
    made = add.action("cancel", "end batches; what is answered by then is kept", "cancel batch_1")
    made.add_argument("names", nargs="*", metavar="ID")
    made.add_argument("--all", action="store_true", help="every one of them")
    _asking_of_batches(made)
    made = add.action(
        "forget", "await batches no more: what they ask is paid for again", "forget batch_1"
    )
    made.add_argument("names", nargs="+", metavar="ID")
    flags.waiting(made)


def _asking_of_batches(made: Parser) -> None:
    flags.variables(made)
    flags.trusting(made)
    flags.asking(made)


def _git_setup(add: Verb) -> None:
    made = add(
        "tell git how to merge states and how to show them",
        "runner git-setup",
        detail="Adds\nlines to .gitattributes, which you commit, and settings to the configuration "
        "of this\nclone, which each clone needs once: then `git merge` merges states address by "
        "address,\nand `git diff`, `git log -p` and `git show` print answers as text.",
    )
    made.add_argument("--check", action="store_true", help="change nothing; exit 1 if needed")


def _merge_driver(add: Verb) -> None:
    made = add(
        "merge two states address by address, as git asks for it",
        "runner merge-driver %O %A %B %P",
        detail="`runner git-setup`\ntells git to call this. The merge stands in OURS then: exits "
        "with 0 where nothing is\nleft to do, else with 1, and conflict markers stand around each "
        "record that both sides\nasked for anew in a different way. outputs.json is merged too.",
        in_project=False,
    )
    made.add_argument("base", metavar="BASE", help="what both sides come of")
    made.add_argument("ours", metavar="OURS", help="merged into")
    made.add_argument("theirs", metavar="THEIRS", help="merged from")
    made.add_argument("path", nargs="?", metavar="PATH", help="its name in the repository")


def _rollback(add: Verb) -> None:
    made = add(
        "take earlier answers again, for free",
        "runner rollback completion.chat --to HEAD~1",
        detail="Shows what would go back and\nasks. An answer to what the configuration asks for "
        "today becomes the record again; any\nother one is put into the cache, and what of the "
        "configuration was another then is told:\nit is never edited. Nothing is sent. The answers "
        "that are replaced stay in the cache.",
    )
    made.add_argument("addresses", nargs="*", metavar="ADDR")
    made.add_argument("--all", action="store_true", help="every answer that there was")
    made.add_argument("--to", required=True, metavar="REV", help="a git revision, or a state file")
    flags.variables(made)
    flags.approval(made)
    flags.waiting(made)
    flags.whole(made)
    flags.events(made)


def _workspace(add: Verb) -> None:
    add("list, choose, make or delete workspaces", "runner workspace new staging")
    made = add.action("list", "list workspaces, the current one marked", "list")
    made.add_argument("--json", action="store_true", help="as JSON")
    add.action("show", "print the name of the current workspace", "show")
    made = add.action(
        "select", "make another workspace the current one, for you alone", "select staging"
    )
    made.add_argument("name", metavar="WORKSPACE")
    made.add_argument("--or-create", action="store_true", help="make it if it is not there")
    made = add.action("new", "make a workspace", "new staging")
    made.add_argument("name", metavar="NAME")
    made = add.action("delete", "delete a workspace that holds no records", "delete staging")
    made.add_argument("name", metavar="WORKSPACE")
    made.add_argument("--force", action="store_true", help="even if it holds records")


def _force_unlock(add: Verb) -> None:
    made = add(
        "take away the lock of somebody who is gone, or say who holds it",
        "runner force-unlock 7d1c7a0e-8c1c-4c2a-9d55-0a5c9c4f1f0b",
        detail="Of a\n[runner.backend], with the ID that the message of the lock names: whoever "
        "still runs\nnotices before it writes. The lock of a local state belongs to its process "
        "and ends with it,\nso there is nothing to break; this tells which process that is.",
    )
    made.add_argument("id", nargs="?", metavar="ID", help="as the message has it")


def _docs(add: Verb) -> None:
    made = add(
        "print the reference: one topic, or what topics there are",
        "runner docs providers",
        detail="On a terminal the\npages are laid out if rich is installed, and turned by $PAGER; "
        "through a pipe goes the\nMarkdown as it is written.",
        in_project=False,
    )
    made.add_argument("topic", nargs="?", metavar="TOPIC")


def _completion(add: Verb) -> None:
    made = add(
        "print a completion script for a shell",
        "runner shell-completion bash > ~/.local/share/bash-completion/completions/runner",
        module="shell_completion",
        detail="It completes commands, flags, addresses,\noutputs, workspaces, providers, "
        "variables and files.\n\n"
        "  zsh:  runner shell-completion zsh > DIR/_runner, where DIR is in $fpath\n"
        "  fish: runner shell-completion fish > ~/.config/fish/completions/runner.fish",
        in_project=False,
    )
    made.add_argument("shell", choices=SHELLS)


def _version(add: Verb) -> None:
    made = add("print the version", "runner version", in_project=False)
    made.add_argument("--json", action="store_true", help="as JSON")


def _help(add: Verb) -> None:
    made = add("explain a command", "runner help plan", in_project=False)
    made.add_argument("words", nargs="*", metavar="COMMAND")


VERBS: dict[str, Callable[[Verb], None]] = {
    "init": _init,
    "validate": _validate,
    "plan": _plan,
    "apply": _apply,
    "check": _check,
    "drift": _drift,
    "report": _report,
    "destroy": _destroy,
    "output": _output,
    "show": _show,
    "diff": _diff,
    "history": _history,
    "view": _view,
    "state": _state,
    "import": _import,
    "trust": _trust,
    "providers": _providers,
    "convert": _convert,
    "graph": _graph,
    "console": _console,
    "fmt": _fmt,
    "cache": _cache,
    "batch": _batch,
    "rollback": _rollback,
    "workspace": _workspace,
    "git-setup": _git_setup,
    "merge-driver": _merge_driver,
    "force-unlock": _force_unlock,
    "docs": _docs,
    "shell-completion": _completion,
    "version": _version,
    "help": _help,
}
