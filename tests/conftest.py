"""What all tests share: the content, an assistant, and a bot that runs against the sandbox."""

from pathlib import Path

import pytest

from bot.assistant import build_assistant
from bot.dialogue.turn import Assistant
from bot.knowledge.model import Knowledge
from bot.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the bot says into tests/golden/*.yaml; read the diff before you commit it",
    )


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(faq_dir=ROOT / "faq", locales_dir=ROOT / "locales")


@pytest.fixture(scope="session")
def assistant(settings) -> Assistant:
    return build_assistant(settings)


@pytest.fixture(scope="session")
def knowledge(assistant) -> Knowledge:
    return assistant.knowledge
