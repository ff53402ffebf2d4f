"""The same bot from a checkout and from a wheel, each with its own content."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command, cwd, **environment):
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_checkout_reads_its_own_files(tmp_path):
    """An editable install has no copy of the content that could go stale."""
    code = "from bot.settings import content_folder; print(content_folder())"
    assert Path(run(sys.executable, "-c", code, cwd=tmp_path).strip()) == ROOT
    assert not (ROOT / "bot" / "_content").exists()


@pytest.mark.slow
def test_a_wheel_brings_its_content(tmp_path):
    """Built, installed beside nothing of the checkout, asked: it answers; page and texts are in."""
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path))
    run(*build, str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "bot/_content/faq/topics.yaml" in names
    assert "bot/_content/locales/en.yaml" in names
    assert "bot/sandbox/page/index.html" in names
    assert not any(name.startswith("tests/") for name in names)

    # Its own code and content before all else; of the checkout's environment only what it needs.
    site = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--target", str(site), str(wheel), cwd=tmp_path)
    clean = {"PYTHONPATH": str(site), "FAQ_DIR": "", "LOCALES_DIR": ""}
    bot = (sys.executable, "-m", "bot")
    answer = json.loads(run(*bot, "ask", "--json", "are my DMs used?", cwd=tmp_path, **clean))
    assert answer["topic"] == "private-messages"
    assert "0 errors" in run(*bot, "check", "--quick", cwd=tmp_path, **clean)
    where = "import bot, bot.settings; print(bot.__file__, bot.settings.content_folder())"
    code, content = run(sys.executable, "-c", where, cwd=tmp_path, **clean).split()
    assert code.startswith(str(site))
    assert content.startswith(str(site))
