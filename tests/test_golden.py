"""Whole conversations through the real application over HTTP, word for word.

Each file of tests/golden/ is a conversation: `language` of the phone's app and `turns`. A turn
says or taps something and holds what the bot shows. `answers` (the title of the topic answered) and
`expects` (words that must be there) are the promises, written by hand;
`shows` is the transcript: `pytest tests/test_golden.py --update-golden` writes it anew after a
change of texts, and the diff is what people will see.
"""

from pathlib import Path

import pytest
import yaml
from phone import labels, phone_of, running

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.yaml"))


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper, value):
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_conversation_goes_as_written(file, assistant, tmp_path, request):
    """The bot shows what the file says; Telegram takes every call; no button waits for ever."""
    conversation = yaml.safe_load(file.read_text(encoding="utf-8"))
    update = request.config.getoption("--update-golden")
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, conversation["language"])
        for turn in conversation["turns"]:
            if "says" in turn:
                shown = await phone.say(turn["says"])
            elif "forges" in turn:
                shown = await phone.press(phone.newest["message_id"], turn["forges"])
            else:
                message, data = phone.find(turn["taps"])
                shown = await phone.press(message, data)
                if turn.get("twice"):  # the same button again, before the screen has changed
                    await phone.press(message, data)
            transcript = _transcript(shown)
            if "answers" in turn:
                assert transcript[0]["new message"].startswith(turn["answers"]), transcript[0]
            seen = _all_words(transcript)
            for promise in turn.get("expects", []):
                assert promise.replace("\xa0", " ") in seen, promise
            if update:
                turn["shows"] = transcript
            else:
                assert transcript == turn["shows"], turn
        refused = [call for call in sandbox.api.calls if call.error]
        assert all("message is not modified" in call.error for call in refused)
        assert not sandbox.api.unanswered
    if update:
        head = file.read_text(encoding="utf-8").partition("language:")[0]
        body = yaml.dump(
            conversation, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100
        )
        file.write_text(head + body, encoding="utf-8")


def _all_words(transcript):
    found = []
    for line in transcript:
        for value in line.values():
            found += value if isinstance(value, list) else [value]
    return "\n".join(found).replace("\xa0", " ")


def _transcript(shown):
    lines = []
    for event in shown:
        if event["type"] in {"message", "edit"}:
            verb = "new message" if event["type"] == "message" else "edited message"
            message = event["message"]
            line = {verb: message.get("text") or message["caption"]}
            if "document" in message:
                line["file"] = message["document"]["file_name"]
            lines.append({**line, "buttons": labels(message)})
        elif event["type"] == "answer" and event["text"]:
            lines.append({"notice": event["text"]})
    return lines
