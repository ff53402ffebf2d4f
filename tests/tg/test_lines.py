"""Calls go by the proxy that the host has set; what answers a send is not read back."""

import pytest

from bot.tg.lines import _proxy_to, _shortened


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


SENT = b'"result":{"message_id":7,"text":"somebody\'s words"}}'


@pytest.mark.parametrize("method", ["sendMessage", "sendDocument", "editMessageText"])
@pytest.mark.parametrize("good", [b'{"ok":true,', b'{ "ok" : true, ', b'\r\n{"ok": true,\n  '])
def test_what_answers_a_send_is_not_read_back_whatever_blanks_stand_in_it(method, good):
    assert (
        _shortened(f"http://x/bot1:x/{method}", good + SENT + b"\n") == b'{"ok":true,"result":true}'
    )


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("getMe", b'{"ok":true,' + SENT),
        ("getUpdates?offset=1", b'{"ok":true,"result":[]}'),
        ("sendMessage", b'{"ok":false,"error_code":403,"description":"Forbidden"}'),
        ("sendMessage", b'{"ok":true,"result":{"message_id"'),
        ("sendMessage", b'{"ok":truely}'),
        ("sendMessage", b"<html>Bad gateway</html>"),
        ("sendMessage", b""),
    ],
)
def test_anything_else_is_handed_on_as_it_is(method, body):
    assert _shortened(f"http://x/bot1:x/{method}", body) == body
