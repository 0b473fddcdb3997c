"""What a scenario may say about who arrives. Rates and durations are as in life."""

from typing import Annotated

from pydantic import Field, StringConstraints

from harness.scenario import Duration, Model

Code = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
Share = Annotated[float, Field(ge=0, le=1)]

WITH_AUTOGATES = ("cgk", "dps")
"""In June 2024 Juanda (sub) had none yet."""


class Rush(Model):
    """A window in which more, or fewer, come than usual."""

    at: Duration
    lasts: Duration = Field(alias="for")
    times: float = Field(ge=0, le=100)


class Airport(Model):
    """Flights that land at one airport."""

    flights_per_hour: float = Field(ge=0)
    passengers: int = Field(ge=1, le=400, description="On a flight, on average.")
    autogate: bool | None = Field(default=None, description="By default, cgk and dps have them.")
    rush: tuple[Rush, ...] = ()


class Office(Model):
    """Applicants at the immigration office."""

    applications_per_hour: float = Field(ge=0)
    same_day: Share = Field(default=0.2, description="Of passports, asked for on the same day.")
    rush: tuple[Rush, ...] = ()


class Params(Model):
    """The `params` of the load."""

    airports: dict[Code, Airport] = Field(default_factory=dict)
    office: Office | None = None
    unreadable: Share = Field(default=0.02, description="Of passports, which no machine can read.")
    citizens_at_gates: Share = Field(
        default=0.8, description="Of citizens, who go to an autogate where there is one."
    )
    foreigners_at_gates: Share = Field(
        default=0.5,
        description="Of foreigners. With the default for citizens, two in three of all: at "
        "Soekarno-Hatta it was 54 to 57 %, in Bali 67 %.",
    )
