"""What Terraform has and this command line has not: what to write instead."""

_VERBS = {
    "taint": "To ask again: runner plan --replace ADDR, then runner apply --replace ADDR.",
    "untaint": "Nothing is marked here: --replace ADDR asks again in one plan or apply alone.",
    "refresh": "That is runner apply --refresh-only --auto-approve; runner plan --refresh-only "
    "shows what it would record.",
    "get": "`runner init` fetches the modules that stand in repositories; `--upgrade` takes "
    "what their refs name now.",
    "login": "A key stands in the environment (OPENAI_API_KEY, or what api_key_env names); runner "
    "trust says where it may go.",
    "logout": "A key stands in the environment; runner trust --revoke takes back where it may go.",
    **dict.fromkeys(
        ("providers lock", "providers mirror", "providers schema"),
        "There are no plugins to lock, mirror or ask: a provider is a URL, known by its name or "
        "written in [provider.NAME].",
    ),
    "modules": "To see what the configuration is made of: runner graph.",
    "metadata": "The language as JSON Schema: runner validate --schema.",
    "test": "runner check says whether recorded answers are as [check.NAME] has it. What each "
    "answer has to hold when it comes stands in [completion.NAME.lifecycle], as postcondition.",
    "push": "That is runner state push.",
    "env": "That is runner workspace.",
    "state replace-provider": "An answer belongs to the base URL it came from, whatever its "
    "provider is called: rename the table.",
}
_FLAGS = {
    "-lock": "plan and output take no lock, and whatever writes always takes it.",
    "-lock-timeout": "Whatever writes the state waits for its lock that long; this does not.",
    "-compact-warnings": "-q leaves warnings out.",
    "-reconfigure": "There is no backend to configure: --state DIR names the folder.",
    "-migrate-state": "runner state pull and runner state push take a state elsewhere.",
    "-backend-config": "There is no backend to configure: --state DIR names the folder.",
    "-backup": "The state before the last write is state.json.backup, always.",
    "-state-out": "One folder has the state: --state DIR.",
    "-backend": "There is no backend to configure: --state DIR names the folder.",
    "-from-module": "--template names what to begin with.",
    "-recursive": "fmt lays out the modules below as well.",
    "-generate-config-out": "runner import prints the block of what it takes in.",
    "-draw-cycles": "A cycle is an error, which prints all of it.",
    "-type": "There is one graph, of what waits for what.",
    "-diff": "--check names the files that would change.",
}


def verb_instead(words: str) -> str | None:
    """What to write instead of `runner VERB` or `runner VERB ACTION`, if that is Terraform's."""
    return _VERBS.get(words.partition(" ")[2])


def flag_instead(flag: str) -> str | None:
    """What to write instead of a flag of Terraform's, with one dash or two."""
    return _FLAGS.get("-" + flag.lstrip("-"))
