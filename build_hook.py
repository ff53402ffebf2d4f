"""Puts faq/ and locales/ into the wheel."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContentHook(BuildHookInterface):  # type: ignore[type-arg]
    """Ships the content inside a standard wheel.

    An editable install gets no copy: it would go stale while the checkout is edited.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"] |= {
                "faq": "bot/_content/faq",
                "locales": "bot/_content/locales",
            }
