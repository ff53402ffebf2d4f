"""What is wrong with the content: where, by which rule, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Severity(Enum):
    """Whether a fault stops the start."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend."""

    file: Path
    line: int
    rule: str
    """Id of the rule, such as `yaml-duplicate-key`; listed in CONTRIBUTING.md."""
    message: str
    remedy: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return (
            f"{_near(self.file)}:{self.line}: {self.severity.value}: {self.message} "
            f"[{self.rule}]\n    → {self.remedy}"
        )


class ContentError(Exception):
    """The content is broken; nothing starts on it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def _near(file: Path) -> Path:
    """The path as seen from the working directory, where that is shorter."""
    try:
        return file.resolve().relative_to(Path.cwd())
    except ValueError:
        return file
