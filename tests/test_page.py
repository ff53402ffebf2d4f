"""The chat page in a real browser, from a fresh copy of the project: what a newcomer sees.

`make run` is run in an empty folder with an empty home; the page is driven in headless Chromium.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from bot.sandbox.server import Sandbox, serve

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NO_CHROMIUM = "Chromium is missing: apt-get install chromium (or your system's way), then make test"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail(NO_CHROMIUM)
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        )  # fmt: skip
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def fresh_copy(tmp_path_factory):
    """The files that git would clone, in an empty folder."""
    folder = tmp_path_factory.mktemp("fresh") / "optout-bot"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder


def start(folder: Path, port: int) -> subprocess.Popen:
    """`make run` with an empty home; ready when the address is printed."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k in {"PATH", "LANG"}}
    environment = {**kept, "HOME": str(home), "PORT": str(port)}
    return subprocess.Popen(
        ["make", "--silent", "run"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_ready(process: subprocess.Popen, port: int) -> None:
    printed = []
    for line in process.stdout:
        printed.append(line)
        if f"http://127.0.0.1:{port}" in line:
            return
    pytest.fail("make run ended:\n" + "".join(printed[-20:]))


def stop(process: subprocess.Popen, number: int) -> None:
    os.killpg(process.pid, number)
    process.wait(timeout=20)
    process.stdout.close()


@pytest.fixture(scope="module")
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def bot(fresh_copy, port):
    """The bot as a newcomer starts it. A list, so that a test can kill and replace it."""
    running = [start(fresh_copy, port)]
    try:
        wait_ready(running[0], port)
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                stop(process, signal.SIGTERM)


@pytest.fixture
def page(browser, bot, port, request):
    language = getattr(request, "param", "en-GB")
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale=language)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.goto(f"http://127.0.0.1:{port}")
    opened.get_by_role("log").get_by_role("button").first.wait_for()
    yield opened
    assert not opened.errors
    context.close()


def say(page, text):
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")


def newest(page):
    return page.get_by_role("log").locator("article.theirs").last


def expect_newest(page, *texts):
    for text in texts:
        newest(page).get_by_text(text).first.wait_for(timeout=10_000)


def tap(page, name):
    """Real buttons only, found as a screen reader finds them."""
    page.get_by_role("log").get_by_role("button", name=name, exact=True).last.click()


def test_questions_in_english_and_french_and_an_honest_dont_know(page):
    """The three conversations that everybody tries first."""
    say(page, "are my DMs used?")
    expect_newest(page, "Private messages", "No, says Meta", "Sources:", "Checked on")
    link = newest(page).get_by_role("link").first
    assert link.get_attribute("href").startswith("https://")
    assert link.get_attribute("target") == "_blank"
    say(page, "mes mp sont utilisés ??")
    expect_newest(page, "Vérifié le", "Non, dit Meta")
    assert newest(page).locator(".text").inner_text().startswith("Messages privés")
    say(page, "what's the weather")
    expect_newest(page, "I do not know that", "My data", "Objecting")


def test_detail_unfolds(page):
    """The detail shows its first lines, and all of it after a tap or a key."""
    say(page, "are my DMs used?")
    expect_newest(page, "Show more")
    more = newest(page).get_by_role("button", name="Show more")
    assert more.get_attribute("aria-expanded") == "false"
    more.focus()
    page.keyboard.press("Enter")
    newest(page).get_by_role("button", name="Show less").wait_for()


def test_the_whole_objection_with_back_a_double_tap_and_a_question(page):
    """By buttons alone, in one message that changes in place."""
    tap(page, "Start my objection")
    expect_newest(page, "Step 1 of 8")
    messages = page.get_by_role("log").locator("article").count()
    tap(page, "Another country")
    tap(page, "Austria")
    expect_newest(page, "Step 2 of 8")
    tap(page, "Back")
    expect_newest(page, "Step 1 of 8")
    page.get_by_role("log").get_by_role("button", name="Ireland").dblclick()
    expect_newest(page, "Step 2 of 8")
    tap(page, "No, not yet")
    tap(page, "Instagram, Threads ⬜")
    tap(page, "Continue")
    expect_newest(page, "Step 4 of 8")
    tap(page, "In the app")
    expect_newest(page, "Step 5 of 8 · Instagram", "AI at Meta", "not logged in")
    assert page.get_by_role("log").locator("article").count() == messages
    form = newest(page).get_by_role("link", name=re.compile("Open help.instagram.com"))
    assert form.get_attribute("href") == "https://help.instagram.com/contact/233964459562201"
    tap(page, "Copy the link")
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == form.get_attribute("href")
    say(page, "do I have to give a reason?")
    expect_newest(page, "Do I need a reason?", "Back to step 5")
    tap(page, "Back to step 5")
    expect_newest(page, "Step 5 of 8 · Instagram")
    tap(page, "The form is open")
    tap(page, "Yes, it is right")
    expect_newest(page, "Step 7 of 8")
    tap(page, "Without a reason")
    tap(page, "I have sent it")
    expect_newest(page, "Step 8 of 8")
    tap(page, "It is confirmed")
    expect_newest(page, "✅ Instagram: sent and confirmed")


def test_a_letter_is_downloaded_as_a_pdf(page):
    """From the buttons to a file that opens."""
    tap(page, "Start my objection")
    for label in ("Germany", "No, not yet", "I have no account ⬜", "Continue"):
        tap(page, label)
    tap(page, "My answers")
    tap(page, "Something went wrong")
    tap(page, "No answer for a month")
    tap(page, "Reminder to Meta")
    expect_newest(page, "Meta Platforms Ireland Limited", "[")
    tap(page, "PDF to print")
    link = newest(page).get_by_role("link", name=re.compile("reminder-en.pdf"))
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def test_killed_in_the_middle_it_goes_on_from_the_old_button(page, bot, fresh_copy, port):
    """kill -9, start again, tap the old button. The second start takes seconds, not minutes."""
    tap(page, "Start my objection")
    expect_newest(page, "Step 1 of 8")
    tap(page, "Another country")
    tap(page, "Switzerland")
    expect_newest(page, "Step 2 of 8")
    stop(bot.pop(), signal.SIGKILL)
    began = time.monotonic()
    bot.append(start(fresh_copy, port))
    wait_ready(bot[0], port)
    assert time.monotonic() - began < 30  # the aim is 5 s; this catches setting up anew
    page.get_by_text("automated program").wait_for(timeout=15_000)
    tap(page, "No, not yet")
    tap(page, "WhatsApp ⬜")
    expect_newest(page, "Step 3 of 8", "Continue")
    tap(page, "Continue")
    tap(page, "Yes, I have")
    expect_newest(page, "Step 5 of 8 · WhatsApp", "In Switzerland")


@pytest.mark.parametrize("page", ["fr-FR"], indirect=True)
def test_the_page_speaks_the_browsers_language_and_changes_it(page):
    """French at once; another language of the person by choice; commands in a menu."""
    expect_newest(page, "Commencer l’opposition")
    page.get_by_role("button", name="Commandes").click()
    page.get_by_role("button", name="/help").click()
    expect_newest(page, "Comment fonctionne ce bot")
    page.get_by_label("Votre langue").select_option("en")
    say(page, "/start")
    expect_newest(page, "Start my objection")


def test_it_can_be_used_by_keyboard_alone_and_when_narrow(page):
    """Tab reaches every button; nothing runs out of a 320 pixel wide screen."""
    page.set_viewport_size({"width": 320, "height": 640})
    first = newest(page).get_by_role("button", name="Start my objection")
    page.get_by_role("log").focus()
    for _ in range(8):
        page.keyboard.press("Tab")
        if first.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect_newest(page, "Step 1 of 8")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_reload_keeps_the_chat(page):
    """The transcript is the page's own; F5 shows it again and its buttons still work."""
    tap(page, "All topics")
    expect_newest(page, "Choose one, or just type your question.")  # sent and answered
    page.reload()
    tap(page, "My data")
    expect_newest(page, "What would you like to know?")


# ---- files: the page alone, with a sandbox that the test speaks to as the bot does ------------

PDF = b"%PDF-1.4\n\x00\xff" + b"x" * 34_000


class Served:
    """A sandbox in a thread of its own; the browser's driver has this one."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve("127.0.0.1", 0) as self.sandbox:
            self._ready.set()
            await self._stop.wait()

    def call(self, method, files=None, **parameters):
        """What the bot does; gives the message."""
        url = f"{self.sandbox.api_url}{self.sandbox.token}/{method}"
        chat = max(self.sandbox.api.chats)
        answer = httpx.post(url, data={"chat_id": chat, **parameters}, files=files)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def send_file(self, name, body=PDF, **parameters):
        return self.call("sendDocument", {"document": (name, body)}, **parameters)


@pytest.fixture(scope="module")
def served():
    with Served() as served:
        yield served


@pytest.fixture
def quiet_page(browser, served, request):
    """The page while no bot answers."""
    options = getattr(request, "param", {})
    options = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB", **options}
    context = browser.new_context(**options)
    opened = context.new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    served.sandbox.api.chats.clear()
    opened.goto(served.sandbox.page_url)
    opened.get_by_role("log").get_by_text("/start").wait_for()
    yield opened
    assert not opened.errors
    context.close()


ROWS = '{"inline_keyboard": [[{"text": "All my steps", "callback_data": "x"}]]}'


def test_a_file_is_shown_and_saved_under_its_name(quiet_page, served):
    """Name, size, a link by which it is saved as it was sent; the caption and the buttons below."""
    page = quiet_page
    served.send_file("objection-letter.pdf", caption="<b>Your letter</b>, to print",
                     parse_mode="HTML", reply_markup=ROWS)  # fmt: skip
    expect_newest(page, "objection-letter.pdf", "34 kB", "Your letter")
    link = newest(page).get_by_role("link", name="Download objection-letter.pdf", exact=True)
    assert link.bounding_box()["height"] >= 44
    with page.expect_download() as saved:
        link.click()
    assert saved.value.suggested_filename == "objection-letter.pdf"
    assert Path(saved.value.path()).read_bytes() == PDF
    assert newest(page).locator("b").inner_text() == "Your letter"
    assert newest(page).get_by_role("button", name="All my steps").is_visible()
    answer = page.request.get(link.evaluate("link => link.href"))
    assert answer.headers["content-type"] == "application/pdf"
    link.focus()
    with page.expect_download():
        page.keyboard.press("Enter")


def test_a_file_without_words_and_its_caption_edited(quiet_page, served):
    """No empty line for words that are not there; new ones take their place."""
    page = quiet_page
    message = served.send_file("reminder.ics")
    expect_newest(page, "reminder.ics")
    assert newest(page).locator(".text").count() == 0
    served.call("editMessageCaption", message_id=message["message_id"], caption="Now with words")
    expect_newest(page, "Now with words", "reminder.ics")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Widerspruch Übergröße.pdf", "Widerspruch Übergröße.pdf"),
        ("<img src=x onerror=alert(1)>.pdf", "img src=x onerror=alert(1).pdf"),
        ("\u200f\u202eמכתב fdp.exe", "מכתב fdp.exe"),
        ("x" * 300 + ".pdf", "x" * 60 + ".pdf"),
        ("../../letter.pdf", "letter.pdf"),
        ("javascript:alert(1)", "javascript alert(1)"),
    ],
    ids=["umlauts", "html", "right to left", "long", "folder", "address"],
)
def test_any_files_name_is_only_a_name(quiet_page, served, name, shown):
    """No markup, no address, no folder comes of it; it stays within the narrowest screen."""
    page = quiet_page
    page.set_viewport_size({"width": 320, "height": 640})
    served.send_file(name, reply_markup=ROWS)
    expect_newest(page, shown)
    assert newest(page).locator("bdi.file").inner_text() == shown
    assert newest(page).locator("img, script").count() == 0
    link = newest(page).get_by_role("link", name=f"Download {shown}")
    assert "/files/" in link.evaluate("link => link.href")
    with page.expect_download() as saved:
        link.click()
    assert saved.value.suggested_filename == shown
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_file_that_holds_a_page_is_saved_and_not_run(quiet_page, served):
    """Even when its address is opened: the browser saves it."""
    page = quiet_page
    served.send_file("page.html", b"<script>parent.document.title = 'taken'</script>")
    expect_newest(page, "page.html")
    address = newest(page).get_by_role("link").evaluate("link => link.href")
    with page.expect_download():
        page.evaluate("address => { location.href = address; }", address)
    assert page.title() == "Opt-out assistant"


def test_after_a_reload_the_file_is_still_there_and_after_a_restart_it_says_it_is_not(
    quiet_page, served
):
    """The transcript is the page's own; a link that leads nowhere is not offered."""
    page = quiet_page
    served.send_file("letter.pdf", caption="Your letter", reply_markup=ROWS)
    expect_newest(page, "Your letter")
    page.reload()
    with page.expect_download():
        newest(page).get_by_role("link", name="Download letter.pdf").click()
    with Served() as other:
        # As if the server had been started anew at the same address.
        kept = page.evaluate("JSON.stringify(sessionStorage)")
        page.goto(other.sandbox.page_url)
        page.get_by_role("log").get_by_text("/start").wait_for()
        page.evaluate("kept => Object.assign(sessionStorage, JSON.parse(kept))", kept)
        page.reload()
        expect_newest(page, "Your letter", "no longer here: ask for it again")
        assert newest(page).get_by_role("link").count() == 0
        assert newest(page).get_by_role("button", name="All my steps").is_visible()
        page.goto("about:blank")


@pytest.mark.parametrize("quiet_page", [{"locale": "fr-FR"}], indirect=True)
def test_a_file_is_offered_in_the_persons_language(quiet_page, served):
    """The link and the size."""
    served.send_file("lettre.pdf")
    expect_newest(quiet_page, "lettre.pdf", re.compile("34.ko"))
    assert newest(quiet_page).get_by_role("link", name="Télécharger lettre.pdf").is_visible()
