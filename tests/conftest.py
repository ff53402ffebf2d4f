"""What all tests share: the content, an assistant, and a bot that runs against the sandbox."""

from pathlib import Path

import hypothesis
import pytest

from bot.assistant import build_assistant
from bot.dialogue.turn import Assistant
from bot.knowledge.model import Knowledge
from bot.settings import Settings, read_settings

# Machines are slow now and then: how long an example takes is no promise of ours.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=10)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the bot says into tests/golden/*.yaml; read the diff before you commit it",
    )


def pytest_collection_modifyitems(items):
    """Processes that are started, killed and flooded take seconds each."""
    for item in items:
        if item.path.parent == ROOT / "tests" / "trust":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def settings() -> Settings:
    # With the cache of the commands: what is kept there is known by the hash of what it is made of.
    cache = read_settings({}).cache_dir
    return Settings(faq_dir=ROOT / "faq", locales_dir=ROOT / "locales", cache_dir=cache)


@pytest.fixture(scope="session")
def assistant(settings) -> Assistant:
    return build_assistant(settings)


@pytest.fixture(scope="session")
def knowledge(assistant) -> Knowledge:
    return assistant.knowledge
