"""What checks of answers came to, for CI: JUnit, Markdown, and annotations of GitHub."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from runner.cli.views.checks import faults_of, figures, met
from runner.cli.views.comparisons import gate_words, levels
from runner.cli.views.junit import xml_of, xml_text
from runner.core.checks.comparison import Comparison
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.verdicts import DoesNot, Unscored
from runner.core.modules.folder import Block
from runner.operations.checking import Checked

_SHOWN = 10  # answers of one check
_LINKED = re.compile(r"@|:(?=//)|www(?=\.)", re.IGNORECASE)  # by GitHub, also where it is escaped


def checks_junit(checked: Checked) -> bytes:
    """A suite for each check and a case for each answer, red exactly where the exit status is: an
    answer fails where it decides; of a share, one case of its own does.
    """
    suites = ET.Element("testsuites", name="runner check")
    for each in checked.checks:
        suites.append(_suite(each))
    for comparison in checked.comparisons:
        suites.append(_compared(comparison))
    for count in ("tests", "failures", "errors"):
        suites.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    return xml_of(suites)


def checks_markdown(checked: Checked) -> str:
    """A table of all checks, and what does not hold."""
    lines = ["| | check | answers | |", "|---|---|---|---|"]
    for each in checked.checks:
        about = each.check.block.table.get("description")
        name = f"`{each.check.address}`" + (f"<br>{_cell(about)}" if about else "")
        sign = {"met": "✅", "unscored": "❔"}.get(each.met, "❌" if each.fails else "⚠️")
        lines.append(f"| {sign} | {name} | {_cell(figures(each))} | {_cell(met(each))} |")
    for comparison in checked.comparisons:
        lines += _rows(comparison)
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
        kind = "error" if each.fails else "warning"
        said = [f"{figures(each)}; {met(each)}"]
        said += [f"{one.address}: {faults_of(one)}" for one in each.failed[:_SHOWN]]
        message = _data("\n".join(said))
        lines.append(f"::{kind} {place},title={_property(each.check.address)}::{message}")
    for comparison in checked.comparisons:
        if comparison.met == "not met":
            kind = "error" if comparison.fails else "warning"
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


def _compared(comparison: Comparison) -> ET.Element:
    """A suite of one case: the gate."""
    name = xml_text(comparison.address)
    suite = ET.Element("testsuite", name=name, tests="1", errors="0", skipped="0")
    suite.set("failures", str(int(comparison.fails)))
    case = ET.SubElement(suite, "testcase", classname=name, name="gate")
    said = xml_text("\n".join(_sentences(comparison)))
    if comparison.fails:
        ET.SubElement(case, "failure", message=gate_words(comparison)).text = said
    else:
        ET.SubElement(case, "system-out").text = said
    return suite


def _rows(comparison: Comparison) -> Iterator[str]:
    sign = "✅" if comparison.met == "met" else "❌" if comparison.fails else "⚠️"
    for one in comparison.against:
        for found in one.differences:
            if found.kind != "amount":
                name = f"`{comparison.address}`<br>{_cell(found.measure)}"
                sides = _cell(f"{one.variant} against {one.baseline}: {levels(found)}")
                yield f"| {sign} | {name} | {sides} | {found.shown} shown |"


def _suite(each: CheckOutcome) -> ET.Element:
    alone = not each.is_score and each.at_least == 1.0
    suite = ET.Element("testsuite", name=xml_text(each.check.address))
    for one in each.answers:
        suite.append(_case(each, one, decides=alone and each.fails))
    for address in each.missing:
        case = _named(each, address)
        ignored = each.check.block.table.get("missing") == "ignore" or not each.fails
        kind = "skipped" if ignored else "failure"
        ET.SubElement(case, kind, message="no answer yet")
        suite.append(case)
    if not alone or not len(suite):
        suite.append(_share(each))
    suite.set("tests", str(len(suite)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"*/{tag}"))))
    return suite


def _case(each: CheckOutcome, one: CheckedAnswer, *, decides: bool) -> ET.Element:
    case, said = _named(each, one.address), xml_text(faults_of(one))
    match one.verdict:
        case DoesNot() if decides:
            ET.SubElement(case, "failure", message=said).text = said
        case DoesNot():
            ET.SubElement(case, "system-out").text = f"does not hold: {said}"
        case Unscored():
            decides = not each.scored or each.check.block.table.get("unscored") == "error"
            counts = each.fails and decides
            ET.SubElement(case, "error" if counts else "skipped", message=f"unscored: {said}")
        case _:
            pass
    return case


def _share(each: CheckOutcome) -> ET.Element:
    case = _named(each, "mean" if each.is_score else "share")
    said = xml_text(f"{figures(each)}; {met(each)}")
    if each.fails:
        ET.SubElement(case, "failure", message=said).text = said
    else:
        ET.SubElement(case, "system-out").text = said
    return case


def _named(each: CheckOutcome, name: str) -> ET.Element:
    return ET.Element("testcase", classname=xml_text(each.check.address), name=xml_text(name))


def _failures(each: CheckOutcome) -> Iterator[str]:
    if each.failed:
        yield from ("", f"<details><summary>{each.check.address}</summary>", "")
        for one in each.failed[:_SHOWN]:
            yield f"- {_code(one.address)}: {_cell(faults_of(one))}"
        if len(each.failed) > _SHOWN:
            yield f"- {len(each.failed) - _SHOWN} more"
        yield from ("", "</details>")


def _cell(text: str) -> str:
    """Text that is no Markdown and no HTML, names nobody and links nowhere, on one line."""
    for character in "\\`*_[]<>|#!&$~":
        text = text.replace(character, f"\\{character}")
    return _LINKED.sub(r"\g<0><!-- -->", " ".join(text.split()))


def _code(text: str) -> str:
    """Text as code, on one line, which no backtick in it ends."""
    text = " ".join(text.split())
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _data(text: str) -> str:
    """As GitHub reads the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
