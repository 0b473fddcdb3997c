"""`junit.xml`: one test case an expectation; inconclusive is skipped, trouble is an error."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ._evidence import Evidence


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
    for name in ("scenario", "seed", "pace", "rung"):
        SubElement(properties, "property", name=name, value=str(getattr(started, name)))
    if broken:
        case = SubElement(suite, "testcase", classname=suite.attrib["name"], name="run", time="0")
        kind = "error" if errors else "skipped"
        SubElement(case, kind, message=_clean("; ".join(broken)))
    for verdict in verdicts:
        case = SubElement(
            suite, "testcase", classname=suite.attrib["name"], name=_clean(verdict.name), time="0"
        )
        if verdict.measured:
            measured = SubElement(case, "properties")
            for key, value in verdict.measured.items():
                SubElement(measured, "property", name=_clean(key), value=_clean(str(value)))
        if verdict.result == "fail":
            SubElement(case, "failure", message=_clean(verdict.reason))
        elif verdict.result == "inconclusive":
            SubElement(case, "skipped", message=_clean(f"inconclusive: {verdict.reason}"))
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """`text` without the characters that XML 1.0 cannot hold (its section 2.2)."""
    return "".join(c for c in text if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe"
                   or c > "\uffff")  # fmt: skip
