"""An apply as a JUnit report, for CI: one test case a completion."""

import re
from xml.etree import ElementTree as ET

from runner.core.address import in_order, split_key
from runner.core.api.exchange import Failure
from runner.core.state.records import Record
from runner.errors import error
from runner.io.apply.ports import Outcome
from runner.operations.applying.ended import facts_of, unjudged

# XML 1.0 has no way to write these, not even as references (section 2.2, Char).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_IS_ONE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<testsuites?[\s/>]", re.DOTALL
)


MOST_CASES = 100_000
"""Whoever shows such a report has all of it in memory, most of them on one page."""


def refuse_crowd(number: int) -> None:
    """RunnerError for so many test cases, where that is more than is of use to anybody."""
    if number > MOST_CASES:
        raise error(
            "Too many for a JUnit report",
            f"It would have {number:,} test cases, and whoever shows such reports ends well below "
            f"that; {MOST_CASES:,} is the most that is written. Leave --junit out (--json tells of "
            "each on a line), or take a part.",
        )


def junit(outcome: Outcome) -> bytes:
    """The report as XML in UTF-8: done (or as it was), failed, or skipped; seconds as `time`."""
    removed = {address for address, how in outcome.done.items() if how == "removed"}
    named = {*outcome.records, *outcome.done, *outcome.failed, *outcome.skipped} - removed
    addresses, unscored = in_order(named), unjudged(outcome)
    seconds = sum(record.duration_ms for record in outcome.issued.values()) / 1000
    suite = ET.Element(
        "testsuite",
        name="runner apply",
        tests=str(len(addresses)),
        failures=str(len(outcome.failed) - len(unscored)),
        errors="0",
        skipped=str(len(named & outcome.skipped.keys() - outcome.failed.keys()) + len(unscored)),
        time=f"{seconds:.3f}",
    )
    for address in addresses:
        suite.append(_case(address, outcome, is_unscored=address in unscored))
    if outcome.stopped is not None:
        ET.SubElement(suite, "system-err").text = xml_text(f"Run stopped: {outcome.stopped}")
    suites = ET.Element("testsuites", dict(suite.attrib))
    suites.append(suite)
    return xml_of(suites)


def xml_of(suites: ET.Element) -> bytes:
    """A report as a file has it."""
    ET.indent(suites)
    written: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def xml_text(text: str) -> str:
    """A text without what XML has no way to write."""
    return _NOT_XML.sub("\ufffd", text)


def is_junit(data: bytes) -> bool:
    """Whether a file is a report of this kind, ours or of another program."""
    return _IS_ONE.match(data) is not None


def _case(address: str, outcome: Outcome, *, is_unscored: bool) -> ET.Element:
    record = outcome.issued.get(address)
    case = ET.Element(
        "testcase",
        classname=xml_text(_block(address)),
        name=xml_text(address),
        time=f"{record.duration_ms / 1000 if record else 0:.3f}",
    )
    failure = outcome.failed.get(address)
    if failure is not None and is_unscored:
        ET.SubElement(case, "skipped", message=xml_text(f"no verdict: {failure.message}"))
    elif failure is not None:
        _fail(case, failure)
    elif address in outcome.skipped:
        ET.SubElement(case, "skipped", message=xml_text(f"because of {outcome.skipped[address]}"))
    told = _told(address, outcome, record)
    if told:
        ET.SubElement(case, "system-out").text = xml_text(told)
    return case


def _fail(case: ET.Element, failure: Failure) -> None:
    facts = facts_of(failure)
    kind = str(failure.code or failure.type or failure.status or "failure")
    told = ET.SubElement(case, "failure", message=xml_text(failure.message), type=xml_text(kind))
    more = f"\n({', '.join(facts)})" if facts else ""
    told.text = xml_text(failure.message + more + (f"\n{failure.hint}" if failure.hint else ""))


def _told(address: str, outcome: Outcome, record: Record | None) -> str:
    lines = [outcome.done.get(address, "")]
    if lines == [""] and address not in outcome.failed and address not in outcome.skipped:
        lines = ["unchanged"]
    if address in outcome.warnings:
        lines.append(f"warning: {outcome.warnings[address]}")
    if record is not None and record.attempts > 1:
        lines.append(f"{record.attempts} attempts")
    return "\n".join(line for line in lines if line)


def _block(address: str) -> str:
    try:
        return split_key(address)[0]
    except ValueError:
        return address
