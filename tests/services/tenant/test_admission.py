"""Admission control that is closed, at a share, or open: which requests are served."""

import pytest

from services.kit.testing import run, running

from .tenant_rig import Rig, admission, check, put


def test_a_new_data_center_is_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            assert await admission(http) == ("open", "undisturbed")
            assert (await check(http)).json() == {"listed": False, "source": "central"}

    run(test())


def test_a_closed_tenant_answers_503_with_retry_after() -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            await put(http, 0, "maintenance")
            answer = await check(http)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "60"
            assert answer.json() == {
                "error": "admission",
                "state": "closed",
                "reason": "maintenance",
                "retry_after": 60,
            }

    run(test())


@pytest.mark.parametrize(
    ("share", "passed"),
    [
        (0.25, [4, 8, 12]),
        (0.5, [2, 4, 6, 8, 10, 12]),
        (0.75, [2, 3, 4, 6, 7, 8, 10, 11, 12]),
        (0.1, [10]),
    ],
)
def test_a_share_admits_evenly_and_deterministically(share: float, passed: list[int]) -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            for _ in range(2):
                await put(http, 0)
                await put(http, share)
                assert await admission(http) == ("share", "plan")
                answers = [(await check(http)).status_code for _ in range(12)]
                assert [n for n, code in enumerate(answers, 1) if code == 200] == passed

    run(test())


@pytest.mark.parametrize("body", [{}, {"share": 2}, {"share": -0.1}, {"share": "half"}])
def test_an_invalid_share_changes_nothing(body: dict[str, object]) -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            assert (await http.put("/admission", json=body)).status_code == 400
            assert (await admission(http))[0] == "open"

    run(test())


def test_readiness_pages_and_operators_are_not_subject_to_admission() -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            await put(http, 0)
            assert (await http.get("/ready")).json() == {"storage": True}
            assert (await http.get("/entries")).status_code == 200
            entry = {"document": "X0000001", "reason": "warrant"}
            assert (await http.post("/entries", json=entry)).status_code == 201
            assert (await http.get("/snapshot")).status_code == 503

    run(test())


def test_each_change_of_admission_is_an_event() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
            await put(http, 0, "drill")
            await put(http, 0.5, "ramp")
        changes = [
            (one["state"], one["share"], one["reason"]) for one in rig.log.named("admission")
        ]
        assert changes == [
            ("open", 1, "undisturbed"),
            ("closed", 0, "drill"),
            ("share", 0.5, "ramp"),
        ]

    run(test())
