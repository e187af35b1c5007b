"""Settings of what is fetched: providers, their addresses, and how gently they are asked."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.settings_fields import OnlyOne, Section
from core.settings_text import parse_section

SourceName = Literal["stooq", "yahoo", "ecb"]

_ADDRESS = "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$"


def _once_each(names: tuple[SourceName, ...]) -> tuple[SourceName, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return names


class ProviderSettings(Section):
    """Where a provider is asked, how many questions at once, how long and large an answer may be, and how often it is tried."""

    address: Annotated[
        str, Field(pattern=_ADDRESS, description="an address without a / at its end, such as https://stooq.com")
    ]
    concurrency: Annotated[int, Field(ge=1, le=16, description="a whole number from 1 to 16")]
    timeout_seconds: Annotated[int, Field(ge=1, le=600, description="a whole number from 1 to 600")]
    tries: Annotated[int, Field(ge=1, le=10, description="a whole number from 1 to 10")]
    pause_milliseconds: Annotated[int, Field(ge=0, le=60_000, description="a whole number from 0 to 60000")]
    wait_seconds_max: Annotated[int, Field(ge=1, le=3600, description="a whole number from 1 to 3600")]
    answer_megabytes_max: Annotated[int, Field(ge=1, le=1024, description="a whole number from 1 to 1024")] = 64


class SourceSettings(Section):
    """What is fetched and how: `config/sources.yml`."""

    version: OnlyOne
    fetch: Annotated[
        tuple[SourceName, ...],
        Field(description="a list of stooq, yahoo and ecb, each at most once, such as [stooq, ecb]; [] for none"),
        AfterValidator(_once_each),
    ]
    history_years: Annotated[int, Field(ge=1, le=50, description="a whole number from 1 to 50")]
    told_after_minutes: Annotated[int, Field(ge=0, le=720, description="a whole number from 0 to 720")]
    stooq: ProviderSettings
    yahoo: ProviderSettings
    ecb: ProviderSettings

    def of(self, name: SourceName) -> ProviderSettings:
        """Give how a provider is asked."""
        return {"stooq": self.stooq, "yahoo": self.yahoo, "ecb": self.ecb}[name]


@lru_cache(maxsize=8)
def parse_sources(text: str, where: str) -> SourceSettings:
    """Read what is fetched; `where` is the file's name for messages. Raises SettingsError with all problems."""
    return parse_section(SourceSettings, text, where)
