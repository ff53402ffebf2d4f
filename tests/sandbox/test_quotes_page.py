"""The chat page in a real browser: what an answer replies to stands above it."""

import re
import shutil

import pytest

from bot.sandbox.server import serve

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing: apt-get install chromium"),
]


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
async def page(server, request):
    """The page while no bot answers."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        locale = getattr(request, "param", "en-GB")
        context = await chromium.new_context(viewport={"width": 320, "height": 640}, locale=locale)
        opened = await context.new_page()
        errors = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        await opened.goto(server.page_url)
        await opened.get_by_role("log").get_by_text("/start").wait_for()
        yield opened
        await chromium.close()
        assert not errors


async def ask_and_answer(server, question):
    """A question with its answer; gives the numbers of both."""
    chat = next(iter(server.api.chats.values()))
    await server.api.say(chat, question)
    asked = chat.last_message
    given = {
        "chat_id": chat.id,
        "text": "No, it is not.",
        "reply_parameters": {"message_id": asked},
    }
    answer = await server.api.call("sendMessage", given)
    return chat, asked, answer["message_id"]


async def test_the_question_stands_above_its_answer(server, page):
    """Seen and heard: whose words they are, that it is a reply; as text, whatever it holds."""
    question = "is it <b>too</b> late?"
    _, asked, answer = await ask_and_answer(server, question)
    quoted = page.locator(f"#m{answer} .quoted")
    await quoted.wait_for()
    heard = re.sub(r"\s+", " ", await quoted.evaluate("node => node.textContent"))
    assert heard == f"In reply to: You: {question}"
    box, words = await quoted.bounding_box(), await page.locator(f"#m{answer} .text").bounding_box()
    assert box["y"] + box["height"] <= words["y"] + 1
    assert await page.locator(f"#m{answer} .quoted bdi b").count() == 0
    assert await page.locator(f"#m{asked} .quoted").count() == 0
    assert await page.get_by_role("log").get_by_text("No, it is not.").is_visible()


async def test_a_long_question_takes_two_lines(server, page):
    """Enough to know it again, within the narrowest screen; not heard a second time in full."""
    _, _, answer = await ask_and_answer(server, "Donaudampfschifffahrt😀" * 40)
    words = page.locator(f"#m{answer} .quoted bdi")
    await words.wait_for()
    assert (await words.bounding_box())["height"] <= 45
    shown = await words.inner_text()
    assert len(shown) == 120
    assert shown.endswith("…")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_a_deleted_question_is_gone_from_the_page(server, page):
    """And from above its answer, which stays; also after a reload."""
    chat, asked, answer = await ask_and_answer(server, "is it too late?")
    await page.locator(f"#m{answer} .quoted").wait_for()
    server.api.delete(chat, asked)
    await page.locator(f"#m{asked}").wait_for(state="detached")
    await page.reload()
    await page.get_by_text("No, it is not.").wait_for()
    assert await page.locator(".quoted").count() == 0
    assert await page.locator(f"#m{asked}").count() == 0


async def test_the_quote_survives_an_edit_and_a_reload(server, page):
    """The page keeps its transcript."""
    chat, _, answer = await ask_and_answer(server, "is it too late?")
    edit = {"chat_id": chat.id, "message_id": answer, "text": "Never too late."}
    await server.api.call("editMessageText", edit)
    await page.get_by_text("Never too late.").wait_for()
    await page.reload()
    await page.locator(f"#m{answer} .quoted").get_by_text("is it too late?").wait_for()


@pytest.mark.parametrize("page", ["fr-FR"], indirect=True)
async def test_the_quote_speaks_the_persons_language(server, page):
    """As the rest of the page."""
    _, _, answer = await ask_and_answer(server, "trop tard ?")
    quoted = page.locator(f"#m{answer} .quoted")
    await quoted.wait_for()
    assert (await quoted.evaluate("node => node.textContent")).startswith("En réponse à: Vous")
