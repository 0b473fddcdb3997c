"""`junit.xml`: one test case per expectation.

A failed expectation is a failure, an inconclusive one is skipped with its reason. What went wrong
apart from the system under test is a further test case, `run`: an error, or skipped if the run is
merely inconclusive.
"""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.errors import ExitCode

from ._evidence import Evidence

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(evidence: Evidence) -> str:
    """Return the test suite of this run in the format that CI systems read."""
    verdicts, started = evidence.verdicts, evidence.history.started
    problems = list(evidence.problems)
    is_error = bool(problems) and evidence.exit_code >= ExitCode.BROKEN
    suite = Element(
        "testsuite",
        name=f"harness.{started.scenario}",
        tests=str(len(verdicts) + bool(problems)),
        failures=str(sum(v.result == "fail" for v in verdicts)),
        errors=str(int(is_error)),
        skipped=str(
            sum(v.result == "inconclusive" for v in verdicts) + int(bool(problems) and not is_error)
        ),
        time=f"{evidence.history.end:.3f}",
    )
    properties = SubElement(suite, "properties")
    for name in ("scenario", "seed", "pace", "backend"):
        SubElement(properties, "property", name=name, value=str(getattr(started, name)))
    if problems:
        case = SubElement(suite, "testcase", classname=suite.attrib["name"], name="run", time="0")
        kind = "error" if is_error else "skipped"
        SubElement(case, kind, message="; ".join(problems))
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
    """Return `text` without the characters that XML 1.0 does not allow (its section 2.2).

    It is applied to the finished document, so that no text or attribute can be forgotten.
    """
    return _NOT_IN_XML.sub("", text)
