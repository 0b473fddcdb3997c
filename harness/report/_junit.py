"""`junit.xml`: one test case an expectation; inconclusive is skipped, errors is an error."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ._evidence import Evidence

_IMPOSSIBLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(evidence: Evidence) -> str:
    """The suite of this run, as CI systems read it."""
    verdicts, started = evidence.verdicts, evidence.history.started
    broken = list(evidence.problems)
    errors = bool(broken) and evidence.exit_code >= 4
    suite = Element(
        "testsuite",
        name=f"harness.{started.scenario}",
        tests=str(len(verdicts) + bool(broken)),
        failures=str(sum(v.result == "fail" for v in verdicts)),
        errors=str(int(errors)),
        skipped=str(
            sum(v.result == "inconclusive" for v in verdicts) + int(bool(broken) and not errors)
        ),
        time=f"{evidence.history.end:.3f}",
    )
    properties = SubElement(suite, "properties")
    for name in ("scenario", "seed", "pace", "backend"):
        SubElement(properties, "property", name=name, value=str(getattr(started, name)))
    if broken:
        case = SubElement(suite, "testcase", classname=suite.attrib["name"], name="run", time="0")
        kind = "error" if errors else "skipped"
        SubElement(case, kind, message="; ".join(broken))
    for verdict in verdicts:
        case = SubElement(
            suite, "testcase", classname=suite.attrib["name"], name=verdict.name, time="0"
        )
        if verdict.measured:
            measured = SubElement(case, "properties")
            for key, value in verdict.measured.items():
                SubElement(measured, "property", name=key, value=str(value))
        if verdict.result == "fail":
            SubElement(case, "failure", message=verdict.reason)
        elif verdict.result == "inconclusive":
            SubElement(case, "skipped", message=f"inconclusive: {verdict.reason}")
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    text = tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{xml_safe(text)}\n'


def xml_safe(text: str) -> str:
    """`text` without the characters that XML 1.0 cannot hold (its section 2.2).

    Meant for a finished document, so that no attribute of it can be forgotten.
    """
    return _IMPOSSIBLE.sub("", text)
