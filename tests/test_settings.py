"""Settings: a wrong value stops the start with one clear line."""

import pytest

from bot.settings import Secret, SettingsError, read_settings


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"BOT_TOKEN": "hello"}, "token"),
        ({"BOT_TOKEN": "1:abc", "BOT_TOKEN_FILE": "/x"}, "BOT_TOKEN_FILE"),
        ({"BOT_TOKEN_FILE": "/nowhere/at/all"}, "BOT_TOKEN_FILE"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"PORT": "-1"}, "PORT"),
        ({"HOST": "my computer"}, "HOST"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"BOT_API_URL": "telegram"}, "BOT_API_URL"),
        ({"BOT_API_URL": "ftp://127.0.0.1/bot"}, "BOT_API_URL"),
        ({"FAQ_DIR": "/nowhere/at/all"}, "FAQ_DIR"),
        ({"LOCALES_DIR": "/nowhere/at/all"}, "LOCALES_DIR"),
    ],
)
def test_a_wrong_value_is_named(environment, named):
    """One line that names the setting and never shows a token."""
    with pytest.raises(SettingsError, match=named) as caught:
        read_settings(environment)
    assert "\n" not in str(caught.value)
    assert "hello" not in str(caught.value)


def test_defaults_need_nothing():
    """An empty environment is the sandbox on this machine."""
    settings = read_settings({})
    assert (settings.host, settings.port, bool(settings.token)) == ("127.0.0.1", 8080, False)
    assert (settings.faq_dir / "topics.yaml").is_file()


def test_a_token_shows_nowhere(tmp_path):
    """Neither repr nor str of the settings hold it; a file serves as well as the environment."""
    token = "123456:" + "A" * 35
    (tmp_path / "token").write_text(token + "\n")
    settings = read_settings({"BOT_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.token.reveal() == token
    assert token not in repr(settings) + str(settings) + f"{settings.token}" + repr(Secret(token))
