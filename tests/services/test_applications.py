"""The common interface of the visa, stay-permit and passport services."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette

from services import passport, stay_permit, visa
from services.kit import World
from services.kit.testing import fake_world, run, running
from services.population import person

APPLICATION = {"id": "a-1", "document": "X0000001"}
Create = Callable[[World], Starlette]


@pytest.fixture(params=[visa, stay_permit, passport], ids=lambda module: module.__name__)
def create(request: pytest.FixtureRequest) -> Create:
    made: Create = request.param.create
    return made


def test_an_application_is_registered_once(create: Create) -> None:
    async def test() -> None:
        async with running(create(fake_world())) as http:
            first = await http.post("/applications", json=APPLICATION)
            again = await http.post("/applications", json=APPLICATION)
            assert (first.status_code, again.status_code) == (201, 200)
            assert first.json() == again.json()
            assert first.json()["source"] == "central"
            page = (await http.get("/applications")).json()
            assert page == {
                "items": [{"number": 1, **APPLICATION, "same_day": False}],
                "next": None,
            }

    run(test())


def test_the_same_application_id_with_different_content_is_a_conflict(create: Create) -> None:
    async def test() -> None:
        async with running(create(fake_world())) as http:
            await http.post("/applications", json=APPLICATION)
            other = await http.post("/applications", json={**APPLICATION, "same_day": True})
            assert (other.status_code, other.json()["error"]) == (409, "conflict")

    run(test())


def test_applications_are_read_in_pages(create: Create) -> None:
    async def test() -> None:
        async with running(create(fake_world())) as http:
            for i in range(5):
                await http.post("/applications", json={**APPLICATION, "id": f"a-{i}"})
            seen, path = [], "/applications?limit=2"
            while path:
                page = (await http.get(path)).json()
                seen += [item["id"] for item in page["items"]]
                path = page["next"]
            assert seen == [f"a-{i}" for i in range(5)]

    run(test())


def test_applications_are_subject_to_admission(create: Create) -> None:
    async def test() -> None:
        async with running(create(fake_world())) as http:
            await http.put("/admission", json={"share": 0, "reason": "drill"})
            answer = await http.post("/applications", json=APPLICATION)
            assert answer.json()["error"] == "admission"
            assert (await http.get("/holders/X0000001")).status_code == 503
            assert (await http.get("/applications")).json()["items"] == []

    run(test())


def test_the_visa_of_a_holder_is_looked_up() -> None:
    async def test() -> None:
        async with running(visa.create(fake_world())) as http:
            people = [person(i) for i in range(200)]
            for valid in (True, False):
                one = next(p for p in people if p.kind == "visa" and p.cancelled != valid)
                holder = (await http.get(f"/holders/{one.document}")).json()
                assert (holder["valid"], holder["number"]) == (valid, one.number)
                assert holder["until"] > 0
            unknown = (await http.get("/holders/T0000001")).json()
            assert unknown == {"valid": False, "number": None, "until": None}

    run(test())


def test_a_passport_is_valid_through_its_last_day() -> None:
    async def test() -> None:
        world = fake_world()
        async with running(passport.create(world)) as http:
            path = f"/holders/{person(0).document}"
            until = (await http.get(path)).json()["until"]
        async with running(passport.create(world)) as http:
            await http.put("/admission", json={"share": 1})
            world.clock._now = until - 1  # type: ignore[attr-defined]
            assert (await http.get(path)).json()["valid"]
            world.clock._now = until + 1  # type: ignore[attr-defined]
            assert not (await http.get(path)).json()["valid"]

    run(test())
