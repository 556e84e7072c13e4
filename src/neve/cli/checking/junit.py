"""JUnit XML: a suite for each function, a test case for each fate. What does not count as a failure is its output."""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from neve.cli.checking.compare import ABSENT, DONE, HINT
from neve.cli.checking.fates import Fate
from neve.cli.checking.observed import Observed
from neve.cli.checking.report import Checked, Told

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(checked: Sequence[Checked], kinds: Sequence[str]) -> bytes:
    """The document. `kinds` are those of the findings that fail."""
    root = Element("testsuites", name="neve check")
    for each in checked:
        root.append(_suite(each, kinds))
    for count in ("tests", "failures", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(each.seconds for each in checked):.3f}")
    indent(root)
    text: bytes = tostring(root, "utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(checked: Checked, kinds: Sequence[str]) -> Element:
    cases = [_case(checked, each, kinds) for each in checked.observed]
    if not cases or any(each.finding.kind == HINT for each in checked.told):
        cases.append(_case_of_code(checked, kinds))
    suite = Element("testsuite", name=checked.target.name, tests=str(len(cases)), errors="0")
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("time", f"{checked.seconds:.3f}")
    suite.extend(cases)
    return suite


def _case_of_code(checked: Checked, kinds: Sequence[str]) -> Element:
    """What was read and not seen."""
    case = Element("testcase", classname=checked.target.name, name="code", time="0.000")
    for each in (told for told in checked.told if told.finding.kind == HINT):
        title, text = _clean(each.finding.title), _clean("\n".join((each.where, each.code or "", each.advice)))
        if HINT in kinds:
            SubElement(case, "failure", type=HINT, message=title).text = text
        else:
            SubElement(case, "system-out").text = f"{title}\n{text}"
    return case


def _case(checked: Checked, observed: Observed, kinds: Sequence[str]) -> Element:
    case = Element("testcase", classname=checked.target.name, name=observed.fate.value)
    case.set("time", f"{observed.seen.seconds:.3f}")
    concerned = [each for each in checked.told if _concerns(each, observed.fate)]
    failing = [each for each in concerned if each.finding.kind in kinds]
    first = next((each for each in failing if each.file), None)
    if first is not None and first.file is not None:  # which some readers show beside the line
        case.set("file", first.file)
        case.set("line", str(first.line))
    for each in failing:
        failure = SubElement(case, "failure", type=each.finding.kind, message=_clean(each.finding.title))
        failure.text = _clean(_text(each, observed.fate))
    if not failing and observed.seen.unforced is not None:
        SubElement(case, "skipped", message=_clean(observed.seen.unforced))
    others = [each for each in concerned if each not in failing]
    if others:
        SubElement(case, "system-out").text = _clean("\n\n".join(_text(each, observed.fate) for each in others))
    return case


def _concerns(told: Told, fate: Fate) -> bool:
    """Timeouts and errors are those of every fate."""
    outcome = told.finding.fates.get(fate)
    if told.finding.kind == HINT:
        return False
    return not told.finding.fates or (outcome is not None and outcome.word not in (DONE, ABSENT))


def _text(told: Told, fate: Fate) -> str:
    outcome = told.finding.fates.get(fate)
    lines = [told.finding.title, told.where, told.code, outcome and f"{fate.value}: {outcome.text}"]
    return "\n".join(line for line in (*lines, *told.finding.details, told.advice) if line)


def _clean(text: str) -> str:
    """Without what XML cannot say at all."""
    return _FORBIDDEN.sub("�", text)
