"""The Bot API over HTTP: what a request asks, what goes wrong on the way, what is answered."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from tornado.escape import parse_qs_bytes
from tornado.httputil import HTTPFile, HTTPInputError, parse_body_arguments

from bot.sandbox.bot_api import BotApi
from bot.sandbox.chats import Json
from bot.sandbox.faults import ApiError, Fault, bad
from bot.sandbox.files import Upload

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as HTTP brings it."""

    method: str
    target: str
    """Path and query."""
    host: str
    """The name under which it was asked, without the port."""
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Endpoint:
    """Answers calls.

    Args:
        api: What is called.
        hosts: Names under which it is called; None: any. A page elsewhere must not reach in.
    """

    def __init__(self, api: BotApi, hosts: frozenset[str] | None) -> None:
        self._api = api
        self._hosts = hosts

    async def answer(self, asked: Asked) -> Answer | None:
        """The answer; None: close the connection without one."""
        try:
            method = self._method(asked)
            fault = self._api.fault_for(method)
            if wait := self._api.latency_s + (fault.latency_s if fault else 0.0):
                await asyncio.sleep(wait)
            if not fault:
                return Answer(200, await self._result(method, asked))
            return await self._struck(fault, method, asked)
        except ApiError as error:
            return Answer(error.code, json.dumps(error_body(error)).encode())

    async def _struck(self, fault: Fault, method: str, asked: Asked) -> Answer | None:
        if fault.drop in {True, "before"}:
            return None
        if fault.body == "not json":
            return Answer(fault.code or 200, _GATEWAY_PAGE, "text/html")
        if error := fault.error:
            raise error
        body = await self._result(method, asked)
        if fault.drop == "after":
            return None
        return Answer(200, body[: len(body) // 2] if fault.body else body)

    async def _result(self, method: str, asked: Asked) -> bytes:
        result = await self._api.call(method, parameters_of(asked))
        return json.dumps({"ok": True, "result": result}).encode()

    def _method(self, asked: Asked) -> str:
        """The method that is called, if whoever calls may call it."""
        if self._hosts is not None and asked.host.strip("[]") not in self._hosts:
            raise ApiError(403, "Forbidden")
        path = unquote(asked.target.partition("?")[0])
        token, _, method = path.removeprefix("/bot").partition("/")
        if asked.method not in {"GET", "POST"} or not method.isalpha():
            raise ApiError(404, "Not Found")
        if token != self._api.token:
            raise ApiError(401, "Unauthorized")
        return method


def error_body(error: ApiError) -> Json:
    """What Telegram writes instead of a result."""
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return body


def parameters_of(asked: Asked) -> dict[str, Any]:
    """What stands in the address and in the body, in any of the forms that Telegram takes.

    Raises:
        ApiError: they cannot be read.
    """
    if asked.content_type.startswith("application/json"):
        try:
            given = json.loads(asked.body or b"{}")
        except ValueError as error:
            raise bad("can't parse JSON object") from error
        return given if isinstance(given, dict) else {}
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        if query := urlsplit(asked.target).query:
            arguments = parse_qs_bytes(query, keep_blank_values=True)
        # The last one holds: what stands in the body.
        parse_body_arguments(asked.content_type, asked.body, arguments, files)
        words = {name: values[-1].decode() for name, values in arguments.items()}
    except UnicodeDecodeError as error:
        raise bad("strings must be encoded in UTF-8") from error
    except HTTPInputError as error:
        raise ApiError(400, "Bad Request") from error
    uploads = {name: Upload(parts[-1].filename, parts[-1].body) for name, parts in files.items()}
    return {**uploads, **words}
