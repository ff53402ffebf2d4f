"""Calls go by the proxy that the host has set, and never out of the house to get home."""

import pytest

from bot.tg.lines import _proxy_to


@pytest.fixture(autouse=True)
def proxies(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "api.example.org")
    monkeypatch.delenv("http_proxy", raising=False)
    _proxy_to.cache_clear()
    yield
    _proxy_to.cache_clear()


@pytest.mark.parametrize(
    ("scheme", "host", "proxy"),
    [
        ("https", "api.telegram.org", "http://proxy.example:3128"),
        ("https", "api.example.org", None),
        ("http", "api.telegram.org", None),
        ("https", "127.0.0.1", None),
        ("http", "localhost", None),
    ],
)
def test_the_proxy_is_the_one_for_the_place(scheme, host, proxy):
    assert _proxy_to(scheme, host) == proxy
