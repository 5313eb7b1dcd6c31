"""What checks of answers came to, for CI: JUnit, Markdown, and annotations of GitHub."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from runner.cli.views.checks.check_changes import sides
from runner.cli.views.checks.check_words import faults_of, figures, met
from runner.cli.views.checks.comparisons import gate_words, levels
from runner.cli.views.junit import refuse_crowd, xml_of, xml_text
from runner.cli.views.markdown_parts import inline_code, table_cell
from runner.cli.views.style import Style
from runner.core.checks.changes import Checked
from runner.core.checks.comparison import Comparison
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.verdicts import DoesNot, Unscored
from runner.core.modules.folder import Block

_SHOWN = 10  # answers of one check
_PLAIN = Style(colour=False)


def checks_junit(checked: Checked) -> bytes:
    """A suite for each check and a case for each answer, red exactly where the exit status is: an
    answer fails where it decides; of a share, one case of its own does.
    """
    refuse_crowd(sum(len(each.answers) for each in checked.checks))
    suites = ET.Element("testsuites", name="runner check")
    for each in checked.checks:
        suites.append(_suite(each, fails=checked.fails(each)))
    for comparison in checked.comparisons:
        suites.append(_compared(comparison, fails=checked.fails(comparison)))
    for count in ("tests", "failures", "errors"):
        suites.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    return xml_of(suites)


def checks_markdown(checked: Checked) -> str:
    """A table of all checks, and what does not hold."""
    lines = ["| | check | answers | |", "|---|---|---|---|"]
    for each in checked.checks:
        about = each.check.block.table.get("description")
        name = f"`{each.address}`" + (f"<br>{table_cell(about)}" if about else "")
        sign = {"met": "✅", "unscored": "❔"}.get(each.met, "❌" if checked.fails(each) else "⚠️")
        lines.append(f"| {sign} | {name} | {table_cell(figures(each))} | {table_cell(met(each))} |")
    for comparison in checked.comparisons:
        lines += _rows(comparison, fails=checked.fails(comparison))
    for each in checked.checks:
        lines += _failures(each)
    return "\n".join(lines) + "\n"


def checks_github(checked: Checked, folder: str) -> str:
    """A workflow command for each check that is not met, at its line; `folder` is where the project
    is in the repository.
    """
    lines = []
    for each in checked.checks:
        if each.met != "not met":
            continue
        place = _place(each.check.block, folder)
        kind = "error" if checked.fails(each) else "warning"
        said = [f"{figures(each)}; {met(each)}"]
        failed = each.failed
        if checked.since is not None:
            changed = checked.since.of(each)
            said.append(f"{checked.since.name}: {sides(changed, _PLAIN)}")
            failed = (*changed.newly_failing, *changed.still_failing)
        said += [f"{one.address}: {faults_of(one)}" for one in failed[:_SHOWN]]
        message = _data("\n".join(said))
        lines.append(f"::{kind} {place},title={_property(each.address)}::{message}")
    for comparison in checked.comparisons:
        if comparison.met == "not met":
            kind = "error" if checked.fails(comparison) else "warning"
            place = _place(comparison.block, folder)
            message = _data("\n".join([gate_words(comparison), *_sentences(comparison)]))
            lines.append(f"::{kind} {place},title={_property(comparison.address)}::{message}")
    return "".join(f"{line}\n" for line in lines)


def _place(block: Block, folder: str) -> str:
    where = block.where()
    file = where.file if folder in ("", ".") else f"{folder.rstrip('/')}/{where.file}"
    return f"file={_property(str(file))},line={where.line or 1}"


def _sentences(comparison: Comparison) -> Iterator[str]:
    """What each measure of each pair of values shows."""
    for one in comparison.against:
        for found in one.differences:
            if found.kind != "amount":
                names = f"{one.variant} against {one.baseline}"
                yield f"{names}, {found.measure}: {levels(found)}, {found.shown} shown"


def _compared(comparison: Comparison, *, fails: bool) -> ET.Element:
    """A suite of one case: the gate."""
    name = xml_text(comparison.address)
    suite = ET.Element("testsuite", name=name, tests="1", errors="0", skipped="0")
    suite.set("failures", str(int(fails)))
    case = ET.SubElement(suite, "testcase", classname=name, name="gate")
    said = xml_text("\n".join(_sentences(comparison)))
    if fails:
        ET.SubElement(case, "failure", message=gate_words(comparison)).text = said
    else:
        ET.SubElement(case, "system-out").text = said
    return suite


def _rows(comparison: Comparison, *, fails: bool) -> Iterator[str]:
    sign = "✅" if comparison.met == "met" else "❌" if fails else "⚠️"
    for one in comparison.against:
        for found in one.differences:
            if found.kind != "amount":
                name = f"`{comparison.address}`<br>{table_cell(found.measure)}"
                sides = table_cell(f"{one.variant} against {one.baseline}: {levels(found)}")
                yield f"| {sign} | {name} | {sides} | {found.shown} shown |"


def _suite(each: CheckOutcome, *, fails: bool) -> ET.Element:
    alone = each.has_to_hold_of_all
    suite = ET.Element("testsuite", name=xml_text(each.address))
    for one in each.answers:
        suite.append(_case(each, one, alone=alone, fails=fails))
    for address in each.missing:
        case = _named(each, address)
        ignored = each.check.block.table.get("missing") == "ignore" or not fails
        kind = "skipped" if ignored else "failure"
        ET.SubElement(case, kind, message="no answer yet")
        suite.append(case)
    if not alone or not len(suite):
        suite.append(_share(each, fails=fails))
    suite.set("tests", str(len(suite)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"*/{tag}"))))
    return suite


def _case(each: CheckOutcome, one: CheckedAnswer, *, alone: bool, fails: bool) -> ET.Element:
    case, said = _named(each, one.address), xml_text(faults_of(one))
    match one.verdict:
        case DoesNot() if alone and fails:
            ET.SubElement(case, "failure", message=said).text = said
        case DoesNot():
            ET.SubElement(case, "system-out").text = f"does not hold: {said}"
        case Unscored():
            decides = not each.scored or each.check.block.table.get("unscored") == "error"
            counts = fails and decides
            ET.SubElement(case, "error" if counts else "skipped", message=f"unscored: {said}")
        case _:
            pass
    return case


def _share(each: CheckOutcome, *, fails: bool) -> ET.Element:
    case = _named(each, "mean" if each.is_score else "share")
    said = xml_text(f"{figures(each)}; {met(each)}")
    if fails:
        ET.SubElement(case, "failure", message=said).text = said
    else:
        ET.SubElement(case, "system-out").text = said
    return case


def _named(each: CheckOutcome, name: str) -> ET.Element:
    return ET.Element("testcase", classname=xml_text(each.address), name=xml_text(name))


def _failures(each: CheckOutcome) -> Iterator[str]:
    if each.failed:
        yield from ("", f"<details><summary>{each.address}</summary>", "")
        for one in each.failed[:_SHOWN]:
            yield f"- {inline_code(one.address)}: {table_cell(faults_of(one))}"
        if len(each.failed) > _SHOWN:
            yield f"- {len(each.failed) - _SHOWN} more"
        yield from ("", "</details>")


def _data(text: str) -> str:
    """As GitHub reads the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
