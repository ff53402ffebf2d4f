"""Reads faq/authorities.yaml: where somebody complains, by country."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from bot.knowledge.model import Authority, Office, Regime, Region
from bot.knowledge.shape import Shape
from bot.knowledge.strict_yaml import Reading, Value

ASKS = frozenset(
    {"company-first", "month", "proof", "signed", "signed-later", "identity", "own-language",
     "form", "email", "deadline-1y", "mediation", "slow"}
)  # fmt: skip
"""What an authority may expect; each is worded under `authority.asks` in locales/."""
SURE = frozenset({"confirmed", "seen", "home"})
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
_OFFICE = frozenset({"site", "complaint", "sure"})
_OFFICE_OPTIONAL = frozenset({"complaints", "email", "address", "addresses"})


def read_authorities(
    shape: Shape, at: Reading, is_listed: Callable[[str], bool]
) -> dict[str, Authority]:
    """All authorities by country; faults go to `shape`.

    `is_listed`: whether an address is https and on a host that readers may be sent to.
    """
    whole = shape.mapping(at, at.value, required=frozenset({"authorities"}))
    entries = shape.mapping(at, whole.get("authorities", {}), "authorities", optional=None)
    reader = _Reader(shape, at, is_listed)
    return {country: reader.authority(country, value) for country, value in entries.items()}


class _Reader:
    def __init__(self, shape: Shape, at: Reading, is_listed: Callable[[str], bool]) -> None:
        self.shape, self.at, self.is_listed = shape, at, is_listed

    def authority(self, country: str, value: Value) -> Authority:
        shape, at = self.shape, self.at
        place = ("authorities", country)
        entry = shape.mapping(
            at,
            value,
            *place,
            required=_OFFICE | {"names", "short", "languages", "asks", "regime", "checked"},
            optional=_OFFICE_OPTIONAL | {"sources", "regions", "lead"},
        )
        names = shape.mapping(at, entry.get("names", {}), *place, "names", optional=None)
        asks = tuple(shape.texts(at, entry.get("asks", []), *place, "asks"))
        for ask in asks:
            shape.one_of(at, ask, ASKS, *place, "asks")
        regimes = frozenset(regime.value for regime in Regime)
        regime = shape.one_of(at, str(entry.get("regime", "")), regimes, *place, "regime")
        regions = dict(self._regions(entry.get("regions", {}), country))
        lead = entry.get("lead")
        if regions and lead not in regions:
            shape.fault(at, "unknown-region", f'"{lead}" is none of the regions',
                        "name the region that stands for the country", *place, "lead")  # fmt: skip
        return Authority(
            country=country,
            short=shape.text(at, entry.get("short", ""), *place, "short"),
            office=self._office(
                {tag: shape.text(at, name, *place, "names", tag) for tag, name in names.items()},
                entry,
                *place,
            ),
            languages=tuple(shape.texts(at, entry.get("languages", []), *place, "languages")),
            asks=asks,
            regime=Regime(regime) if regime in regimes else Regime.GDPR,
            checked=shape.day(at, str(entry.get("checked", "")), *place, "checked"),
            sources=tuple(shape.texts(at, entry.get("sources", []), *place, "sources")),
            regions=regions,
            lead=str(lead) if lead else None,
        )

    def _regions(self, value: Value, country: str) -> Iterator[tuple[str, Region]]:
        shape, at = self.shape, self.at
        place = ("authorities", country, "regions")
        for key, item in shape.mapping(at, value, *place, optional=None).items():
            entry = shape.mapping(at, item, *place, key, required=_OFFICE | {"name", "authority"},
                                  optional=_OFFICE_OPTIONAL)  # fmt: skip
            name = shape.text(at, entry.get("name", ""), *place, key, "name")
            authority = shape.text(at, entry.get("authority", ""), *place, key, "authority")
            yield key, Region(name, self._office({"de": authority}, entry, *place, key))

    def _office(self, names: dict[str, str], entry: dict[str, Value], *place: str) -> Office:
        shape, at = self.shape, self.at
        others = shape.mapping(at, entry.get("complaints", {}), *place, "complaints", optional=None)
        written = shape.mapping(at, entry.get("addresses", {}), *place, "addresses", optional=None)
        email = entry.get("email")
        if isinstance(email, str) and not _MAIL.fullmatch(email):
            shape.fault(at, "email", f'"{email}" is no e-mail address', "correct or delete it",
                        *place, "email")  # fmt: skip
        if not names:
            shape.fault(at, "missing", "no name", "add its name in the country's language",
                        *place, "names")  # fmt: skip
            names = {"en": "?"}
        return Office(
            names=names,
            site=self._address(entry.get("site", ""), *place, "site"),
            complaint=self._address(entry.get("complaint", ""), *place, "complaint"),
            complaints={
                tag: self._address(url, *place, "complaints", tag) for tag, url in others.items()
            },
            email=email if isinstance(email, str) else None,
            address=tuple(shape.texts(at, entry.get("address", []), *place, "address")),
            addresses={
                tag: tuple(shape.texts(at, lines, *place, "addresses", tag))
                for tag, lines in written.items()
            },
            sure=shape.one_of(at, str(entry.get("sure", "")), SURE, *place, "sure"),
        )

    def _address(self, value: Value, *place: str) -> str:
        url = self.shape.text(self.at, value, *place)
        if url and not self.is_listed(url):
            host = urlsplit(url).hostname
            self.shape.fault(self.at, "host", f"{url} is no https address on a listed host",
                             f"add {host} to `hosts` in links.yaml if it is the authority's own: "
                             "readers are sent there", *place)  # fmt: skip
        return url
