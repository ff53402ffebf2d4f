"""Takes the pictures of the README: the chat page at phone width, in both languages.

Run by `make screenshots`; needs Chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parent
PORT = "8765"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


WAY = {
    "en": ("Ireland", "No, not yet", "Instagram", "Continue", "In the app"),
    "fr": ("France", "Non, pas encore", "Instagram", "Continuer", "Dans l’appli"),
}
"""The taps that lead to the form."""
LETTER = {
    "en": ("My answers", "Something went wrong", "No answer", "Complain", "Complaint: no answer",
           "PDF to print"),
    "fr": ("Mes réponses", "Il y a un problème", "Rien depuis un mois", "Adresser une plainte",
           "sans réponse",
           "PDF à imprimer"),
}  # fmt: skip
"""The taps from there to a letter."""


def say(page: Page, text: str) -> None:
    """Type a question and wait for what comes of it."""
    count = page.locator("article.theirs").count()
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")
    page.locator("article.theirs").nth(count).wait_for()
    page.wait_for_timeout(400)


def tap(page: Page, label: str) -> None:
    """Tap a button and wait until the screen has changed."""
    page.get_by_role("log").get_by_role("button", name=label).last.click()
    page.wait_for_timeout(500)


def shoot(page: Page, name: str) -> None:
    """Save what is on the screen."""
    page.wait_for_timeout(4_000 if page.locator("#notice").is_visible() else 100)
    page.screenshot(path=str(DOCS / f"{name}.png"))
    print(f"docs/{name}.png")


def main() -> int:
    """Start the bot, take the pictures, stop it."""
    if not CHROMIUM:
        print("Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as data:
        bot = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            env={**os.environ, "PORT": PORT, "DATA_DIR": data, "BOT_TOKEN": ""},
            stdout=subprocess.PIPE,
        )
        try:
            assert bot.stdout is not None
            bot.stdout.readline()
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
                )
                for language, scheme, acts in (
                    ("en-GB", "light", ["are my DMs used?"]),
                    ("fr-FR", "dark", ["mes mp sont utilisés ??"]),
                ):
                    tag = language[:2]
                    context = chromium.new_context(
                        viewport={"width": 390, "height": 780},
                        locale=language,
                        color_scheme=scheme,  # type: ignore[arg-type]
                    )
                    page = context.new_page()
                    page.goto(f"http://127.0.0.1:{PORT}/?lang={tag}")
                    page.locator("article.theirs").first.wait_for()
                    shoot(page, f"page-{tag}-{scheme}-start")
                    for text in acts:
                        say(page, text)
                    shoot(page, f"page-{tag}-{scheme}-answer")
                    say(page, "/object")
                    for label in WAY[tag]:
                        tap(page, label)
                    page.locator("article.theirs").last.scroll_into_view_if_needed()
                    shoot(page, f"page-{tag}-{scheme}-form")
                    for label in LETTER[tag]:
                        tap(page, label)
                        if label == LETTER[tag][3]:
                            shoot(page, f"page-{tag}-{scheme}-authority")
                    page.locator("article.theirs").last.scroll_into_view_if_needed()
                    page.wait_for_timeout(2_000)
                    shoot(page, f"page-{tag}-{scheme}-letter")
                    context.close()
        finally:
            bot.terminate()
            bot.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
