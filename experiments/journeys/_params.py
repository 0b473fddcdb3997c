"""The `params` of a scenario's load. Rates and durations are in scenario time."""

from typing import Annotated

from pydantic import Field, StringConstraints

from harness.scenario import Duration, Model

Code = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
Share = Annotated[float, Field(ge=0, le=1)]

WITH_AUTOGATES = ("cgk", "dps")
"""Airports that have autogates. In June 2024 Juanda (sub) had none yet."""


class Rush(Model):
    """A time window in which more, or fewer, users arrive than usual."""

    at: Duration = Field(description="Start of the window.")
    lasts: Duration = Field(alias="for", description="Length of the window.")
    times: float = Field(ge=0, le=100, description="Factor of the usual rate.")


class Airport(Model):
    """The flights that land at one airport."""

    flights_per_hour: float = Field(ge=0)
    passengers: int = Field(ge=1, le=400, description="Mean number on a flight.")
    autogate: bool | None = Field(
        default=None, description="Whether it has autogates; by default cgk and dps have."
    )
    rush: tuple[Rush, ...] = ()


class Office(Model):
    """The applicants at the immigration office."""

    applications_per_hour: float = Field(ge=0)
    same_day: Share = Field(
        default=0.2, description="Share of passport applications for same-day service."
    )
    rush: tuple[Rush, ...] = ()


class Params(Model):
    """The `params` of the load."""

    airports: dict[Code, Airport] = Field(default_factory=dict)
    office: Office | None = None
    unreadable: Share = Field(
        default=0.02, description="Share of passports that no machine can read."
    )
    citizens_at_gates: Share = Field(
        default=0.8, description="Share of citizens who use an autogate where there is one."
    )
    foreigners_at_gates: Share = Field(
        default=0.5,
        description="Share of foreigners who use one. With the default for citizens, two thirds of "
        "all passengers: at Soekarno-Hatta it was 54 to 57 %, in Bali 67 %.",
    )
