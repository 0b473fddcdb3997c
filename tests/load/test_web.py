"""Locust's web UI answers its own pages and no others."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_cors import CORS

from harness.load._web import guard

HERE = "http://127.0.0.1:8089"


@pytest.fixture
def page() -> FlaskClient:
    """Something like Locust's: it allows every origin, starts by POST, and stops by GET."""
    app = Flask(__name__)
    CORS(app)
    app.add_url_rule("/", view_func=lambda: "page", endpoint="page")
    app.add_url_rule("/stop", view_func=lambda: "stopped", endpoint="stop")
    app.add_url_rule("/swarm", view_func=lambda: "started", endpoint="swarm", methods=["POST"])
    guard(SimpleNamespace(app=app))
    return app.test_client()


ALLOWED = [
    ("GET", "/", HERE, {}),
    ("GET", "/", "http://localhost:8089", {"Sec-Fetch-Site": "same-origin"}),
    ("GET", "/", HERE, {"Sec-Fetch-Site": "cross-site"}),  # a link to it
    ("POST", "/swarm", HERE, {}),  # a program's
    ("POST", "/swarm", HERE, {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}),
    ("GET", "/stop", "http://[::1]:8089", {"Sec-Fetch-Site": "none"}),
]
REFUSED = [
    ("POST", "/swarm", HERE, {"Origin": "http://evil.example"}),
    ("POST", "/swarm", HERE, {"Origin": "http://127.0.0.1:9999"}),
    ("POST", "/swarm", HERE, {"Origin": "null"}),
    ("GET", "/stop", HERE, {"Sec-Fetch-Site": "cross-site"}),
    ("GET", "/stop", HERE, {"Sec-Fetch-Site": "same-site"}),
    ("GET", "/", "http://evil.example:8089", {}),  # a name that was made to point here
]


@pytest.mark.parametrize(("method", "path", "base", "headers"), ALLOWED)
def test_its_own_pages_and_programs_are_answered(
    page: FlaskClient, method: str, path: str, base: str, headers: Mapping[str, str]
) -> None:
    answer = page.open(path, method=method, base_url=base, headers=dict(headers))
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("method", "path", "base", "headers"), REFUSED)
def test_other_pages_are_refused(
    page: FlaskClient, method: str, path: str, base: str, headers: Mapping[str, str]
) -> None:
    answer = page.open(path, method=method, base_url=base, headers=dict(headers))
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("method", "path", "base", "headers"), ALLOWED + REFUSED)
def test_no_page_may_show_it_in_a_frame(
    page: FlaskClient, method: str, path: str, base: str, headers: Mapping[str, str]
) -> None:
    answer = page.open(path, method=method, base_url=base, headers=dict(headers))
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_further_names_can_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEB_HOSTS", "load.test, other.test")
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "page", endpoint="page")
    guard(SimpleNamespace(app=app))
    assert app.test_client().get("/", base_url="http://load.test").status_code == 200
    assert app.test_client().get("/", base_url="http://third.test").status_code == 403
