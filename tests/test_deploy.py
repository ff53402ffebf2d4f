"""What runs the bot elsewhere agrees with the bot: image, compose, units, proxy, handbook."""

import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from bot import app, cli, logs, settings
from bot.dialogue.administering import COMMANDS as HOST_COMMANDS
from bot.health import FILE as HEALTH_FILE
from bot.health import HEARD_WITHIN_S
from bot.metrics import Metrics
from bot.storage import copies, store
from bot.storage.key import KEY_FILE
from bot.storage.lock import LOCK_FILE
from bot.storage.schema import FILE as DATABASE
from bot.tg import inbox, service, webhook
from bot.tg.ending import Ending

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
HANDBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
STOP_S = service.FINISH_S + 3 * service.LAST_WORD_S
"""The longest that a stop may take: the turns, then each of the last steps."""
KEPT_STRAIGHT = {
    "CapabilityBoundingSet": "",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "StateDirectory": "optout-bot",
    "StateDirectoryMode": "0700",
    "User": "optout-bot",
}


def load_script():
    spec = importlib.util.spec_from_file_location("check_image", DEPLOY / "check_image.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_image"] = module
    spec.loader.exec_module(module)
    return module


check_image = load_script()
DOCKERFILE = check_image.instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))
FINAL = DOCKERFILE[max(i for i, (keyword, _) in enumerate(DOCKERFILE) if keyword == "FROM") :]


def said(keyword):
    (rest,) = (rest for found, rest in FINAL if found == keyword)
    return rest


def compose(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["services"]["bot"]


def unit(name):
    """The settings of a unit: each with all its values, in order."""
    found = {}
    for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def setting_names():
    """All that the bot reads from its environment."""
    return set(re.findall(r'"([A-Z]{2,}(?:_[A-Z]+)*)"', inspect.getsource(settings))) - {
        *settings.LEVELS,
        "HOME",
        "XDG_CACHE_HOME",
    }


def seconds(text):
    return int(re.fullmatch(r"(\d+)s?", text)[1])


def parse(words):
    """A command line as the bot takes it; SystemExit where it does not."""
    return cli._parser().parse_args(words)


COMPOSED = ("compose.yaml", *(f"deploy/compose.{kind}.yaml" for kind in ("metrics", "webhook", "page")))  # fmt: skip
UNITS = ("optout-bot.service", "optout-bot-backup.service")


# The image


def test_the_image_starts_and_asks_for_health_with_commands_that_there_are():
    """Exec form, so that SIGTERM reaches the bot; and what it starts is a command of ours."""
    entry = json.loads(said("ENTRYPOINT"))
    assert Path(entry[0]).name == "optout-bot"
    assert parse(json.loads(said("CMD"))).command is cli._run
    health = json.loads(said("HEALTHCHECK").split("CMD", 1)[1])
    assert health[0] == entry[0]
    assert parse(health[1:]).command is cli._health
    assert getattr(signal, said("STOPSIGNAL")) is signal.SIGTERM


def test_the_image_runs_as_a_number_that_owns_its_data_alone():
    """A numeric user, not root; /data is its own; the last stage copies what was built and no more."""
    user = said("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    (made,) = (rest for keyword, rest in FINAL if keyword == "RUN" and "chown" in rest)
    assert made.endswith(f"mkdir -m 700 {said('VOLUME')} && chown {user} {said('VOLUME')}")
    assert [rest for keyword, rest in FINAL if keyword == "COPY"] == [
        "--from=build /opt/bot /opt/bot"
    ]
    assert f"DATA_DIR={said('VOLUME')}" in shlex.split(said("ENV"))


def test_dependencies_are_locked_and_installed_before_the_source():
    """By hash; a change of the source or a text does not install them anew."""
    places = {
        what: next(i for i, (_, rest) in enumerate(DOCKERFILE) if what in rest)
        for what in ("requirements.txt .", "--require-hashes -r requirements.txt", "bot bot")
    }
    assert list(places.values()) == sorted(places.values())


def test_the_base_is_one_and_has_a_version():
    """Both stages stand on the same base, never on `latest`."""
    (base,) = (rest.removeprefix("BASE=") for keyword, rest in DOCKERFILE if keyword == "ARG")
    assert re.search(r":\d+\.\d+\S*$", base)
    froms = [rest.split()[0] for keyword, rest in DOCKERFILE if keyword == "FROM"]
    assert froms == ["${BASE}", "${BASE}"]


def test_the_image_names_this_version():
    """Label, tag and package say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    labels = dict(pair.split("=", 1) for pair in shlex.split(said("LABEL")))
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert labels == {
        "title": project["name"],
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
    }
    assert compose("compose.yaml")["image"] == f"{project['name']}:{project['version']}"


def test_only_what_is_copied_can_get_into_an_image():
    """Tokens, data and history are left out by a list of what is let in."""
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    copied = {
        name
        for keyword, rest in DOCKERFILE
        if keyword == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("secret", ["secrets/token", ".env", "data/bot.key"])
def test_a_secret_in_its_place_is_not_committed(secret):
    """Where the handbook puts the token and the settings, git does not look."""
    asked = subprocess.run(["git", "check-ignore", "--quiet", secret], cwd=ROOT)
    assert asked.returncode == 0


def test_instructions_are_read_as_an_engine_reads_them():
    """Line breaks are joined, comments between them left out, keywords in any case."""
    text = 'from x\n# no\nRUN a \\\n    # neither\n    && b\nCMD ["c"]\n'
    assert check_image.instructions(text) == [
        ("FROM", "x"), ("RUN", "a && b"), ("CMD", '["c"]'),
    ]  # fmt: skip
    assert check_image.command('["c"]') == ["c"]
    assert check_image.command("a && b") == ["/bin/sh", "-c", "a && b"]


# Compose


@pytest.mark.parametrize("name", ["compose.yaml", "deploy/compose.page.yaml"])
def test_a_container_gets_no_right_that_it_does_not_need(name):
    """Read-only, no capabilities, no new privileges, bounded in memory and processes."""
    bot = compose(name)
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert bot["mem_limit"].upper() == unit("optout-bot.service")["MemoryMax"][0].upper()
    assert str(bot["pids_limit"]) == unit("optout-bot.service")["TasksMax"][0]
    assert "privileged" not in bot


@pytest.mark.parametrize("name", COMPOSED)
def test_a_port_is_published_on_this_machine_alone(name):
    """Whoever wants the world to come in puts a proxy before it."""
    bot = compose(name)
    for port in bot.get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)
    published = {port.rpartition(":")[2] for port in bot.get("ports", [])}
    told = {bot["environment"].get(port) for port in ("PORT", "METRICS_PORT")} - {None}
    assert published == (told or ({"8080"} if published else set()))


@pytest.mark.parametrize("name", COMPOSED)
def test_a_container_is_given_settings_that_there_are(name):
    """A name with a slip would be ignored in silence."""
    assert set(compose(name)["environment"]) <= setting_names()


def test_the_token_comes_as_a_file():
    """Not in the environment, where `docker inspect` shows it."""
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    bot = whole["services"]["bot"]
    (name,) = bot["secrets"]
    assert bot["environment"]["BOT_TOKEN_FILE"] == f"/run/secrets/{name}"
    assert "BOT_TOKEN" not in bot["environment"]
    assert whole["secrets"][name]["file"].endswith("secrets/token}")


def test_compose_asks_for_health_as_the_image_does():
    """Said twice, so it is held together here."""
    asked = compose("compose.yaml")["healthcheck"]
    image = said("HEALTHCHECK")
    assert asked["test"] == ["CMD", *json.loads(image.split("CMD", 1)[1])]
    for option in ("interval", "timeout", "start_period", "retries"):
        assert f"--{option.replace('_', '-')}={asked[option]}" in image.split()


def test_who_stops_the_bot_waits_until_it_has_stopped():
    """Longer than the longest stop, in compose and in systemd; so nothing is killed half done."""
    for name in ("compose.yaml", "deploy/compose.page.yaml"):
        assert seconds(compose(name)["stop_grace_period"]) > STOP_S
    assert seconds(unit("optout-bot.service")["TimeoutStopSec"][0]) > STOP_S


def test_the_bot_comes_back_and_systemd_does_not_try_what_cannot_get_better():
    """After a reboot, a crash, and when it went deaf."""
    assert compose("compose.yaml")["restart"] == "unless-stopped"
    hopeless = unit("optout-bot.service")["RestartPreventExitStatus"][0].split()
    endings = (Ending.UNUSABLE, Ending.REFUSED, Ending.CONFLICT)
    assert set(map(int, hopeless)) == {app.STATUSES[ending] for ending in endings}
    assert unit("optout-bot.service")["Restart"] == ["on-failure"]


# systemd


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_and_names_settings_that_there_are(name):
    """What it starts the bot takes; what it sets the bot reads."""
    found = unit(name)
    path, *words = shlex.split(found["ExecStart"][0])
    assert path == "/opt/optout-bot/.venv/bin/optout-bot"
    assert parse(words).command in {cli._run, cli._backup}
    names = {line.partition("=")[0] for line in found["Environment"]}
    assert names - {"OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"} <= setting_names()
    assert "DATA_DIR" in names


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_gives_no_right_that_is_not_needed(name):
    """As one user without capabilities, and nothing can be written but the data folder."""
    found = unit(name)
    assert {key: found[key][-1] for key in KEPT_STRAIGHT} == KEPT_STRAIGHT
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units_and_finds_little_exposed(tmp_path):
    """No warning; exposure of 1.5 at most, where 10 is worst."""
    for file in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]:
        text = file.read_text(encoding="utf-8").replace("/opt/optout-bot/.venv/bin", str(BIN))
        (tmp_path / file.name).write_text(text.replace("file:///opt/optout-bot", ROOT.as_uri()))
    files = sorted(map(str, tmp_path.iterdir()))
    verified = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    for name in UNITS:
        rated = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=15", tmp_path / name],
            capture_output=True,
            text=True,
        )
        assert rated.returncode == 0, rated.stdout


# The proxy and the figures


def test_the_proxy_fits_the_webhook():
    """Body, patience, port and path as in the bot; no path and no address of anybody in its log."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert "client_max_body_size 1m;" in text
    assert webhook.MAX_BODY == 1 << 20
    assert int(re.search(r"proxy_read_timeout (\d+)s;", text)[1]) > webhook.ANSWER_S
    default = settings.read_settings({})
    assert f"proxy_pass http://{default.host}:{default.port};" in text
    example = re.search(r"https://bot\.example\.org(/\w+)", HANDBOOK)[1]
    assert f"location = {example} {{" in text
    (form,) = re.findall(r"log_format \w+ '([^']*)';", text)
    assert set(re.findall(r"\$\w+", form)) == {"$time_iso8601", "$status", "$request_length"}
    assert settings.read_settings({"BOT_TOKEN": "1:abc", "WEBHOOK_URL": f"https://bot.example.org{example}"})  # fmt: skip


def test_alerts_watch_figures_that_there_are():
    """A name with a slip would never wake anybody."""
    text = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    served = set()
    for family in Metrics().registry.collect():
        served |= {family.name, f"{family.name}_total"}
    for rule in rules:
        (name,) = re.findall(r"\b(?:optout_\w+|up)\b", rule["expr"])
        assert name == "up" or name in served
    assert f"optout_last_heard_age_seconds > {HEARD_WITHIN_S}" in text


def test_figures_are_fetched_where_they_are_served():
    """One port in compose, in the handbook and in Prometheus' own settings."""
    target = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    ((address,),) = [c["targets"] for c in target["scrape_configs"][0]["static_configs"]]
    port = compose("deploy/compose.metrics.yaml")["environment"]["METRICS_PORT"]
    assert address == f"127.0.0.1:{port}"
    assert f"METRICS_PORT={port}" in HANDBOOK


# The handbook

BLOCKS = re.findall(r"^ *```console\n(.*?)^ *```", HANDBOOK, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^ *```.*?```", "", HANDBOOK, flags=re.MULTILINE | re.DOTALL))  # fmt: skip


def table(heading, column=0):
    """The first table after a heading: what stands in a column, row by row."""
    after = HANDBOOK.split(f"\n{heading}", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")][column] for row in rows]


def commands():
    """Every command line of the bot in the handbook: the words after its name."""
    lines = [line.split("   #")[0] for block in BLOCKS for line in block.splitlines()] + INLINE
    for line in lines:
        found = re.search(
            r"^bot (.+)|exec -T bot optout-bot (\S+)|--rm -T bot (\w.*)", line.strip()
        )
        if found:
            words = shlex.split(next(filter(None, found.groups())))
            # In a sentence `bot restore` stands without its file.
            yield [*words, "FILE"] if words == ["restore"] else words


def test_commands_in_the_handbook_are_taken():
    """Each with its options; and all that a host needs are there."""
    assert all(parse(words).command for words in commands())
    assert {words[0] for words in commands()} >= {
        "backup", "check", "health", "questions", "restore", "rotate-key", "run", "stats",
    }  # fmt: skip


def test_a_command_that_is_not_there_is_noticed():
    """So the test before this one can fail."""
    with pytest.raises(SystemExit):
        parse(["back-up"])


def test_the_handbook_names_every_setting_and_no_other():
    """Both ways: none is missing, none is made up."""
    named = {name for cell in table("## Settings") for name in re.findall(r"`([A-Z_]+)`", cell)}
    assert named == setting_names()


def test_the_handbook_explains_every_exit_status():
    """Those of `run`, and broken content."""
    named = [int(cell) for cell in table("## When something is wrong")]
    assert named == sorted({*app.STATUSES.values(), cli.FAULTS})


def test_the_handbook_names_every_file_of_the_data_folder():
    """So whoever deletes or copies knows what there is."""
    text = " ".join(table("## What is stored"))
    files = {DATABASE, KEY_FILE, LOCK_FILE, HEALTH_FILE, inbox.FILE, f"{copies.FOLDER}/"}
    assert set(re.findall(r"`([a-z]+[./][a-z0-9]*)`", text)) == files


def test_the_handbook_says_how_long_things_are_kept():
    """The periods of the code; the privacy notice holds the same."""
    assert (store.KEEP_LANGUAGE.days, store.KEEP_REMINDERS.days) == (365, 90)
    assert (store.KEEP_QUESTIONS.days, copies.MOST_DAYS, inbox.MOST) == (90, 7, 2_000)
    periods = dict(zip(table("## What is stored", 1), table("## What is stored", 3), strict=True))
    assert periods["chosen languages"].startswith("one year")
    assert "90 days" in periods["reminders"]
    assert periods["questions given to the team by a second tap"] == "90 days"
    assert periods["copies of the database"] == "7 days"


def test_the_handbook_names_the_commands_in_the_chat():
    """All of them."""
    assert table("## Commands for you, in the chat") == [f"`/{name}`" for name in HOST_COMMANDS]


def test_the_handbook_names_the_fields_of_the_log(capfd):
    """Those that a line about an update has."""
    logs.set_up("INFO")
    logs.log_turn("asked", "en", "late", "answer", 12.3)
    line = json.loads(capfd.readouterr().err)
    named = {name for cell in table("## The log") for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(line)
    assert line["event"] == "update"


@pytest.mark.parametrize(
    "words",
    ["good: the bot hears Telegram", "the storage works again", "Telegram asks to slow down"],
)
def test_what_the_handbook_quotes_the_bot_says(words):
    """Else nobody finds it in the log."""
    assert f"`{words}`" in HANDBOOK
    assert any(words in file.read_text(encoding="utf-8") for file in (ROOT / "bot").rglob("*.py"))


def test_links_of_the_handbook_lead_somewhere():
    """Files that there are, and headings of its own."""
    headings = re.findall(r"^#+ (.+)$", HANDBOOK, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
    for link in re.findall(r"\]\(([^)]+)\)", HANDBOOK):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert (ROOT / "docs" / link).exists(), link


def test_files_and_targets_that_the_handbook_names_are_there():
    """Compose files after `-f`, files of deploy/, targets of make."""
    for name in re.findall(r"-f ((?:deploy/)?compose[\w.]*yaml)", HANDBOOK):
        assert (ROOT / name).is_file(), name
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in [*INLINE, *(line for block in BLOCKS for line in block.splitlines())]:
        for target in re.findall(r"\bmake (?:-C \S+ )?([a-z][a-z-]*)", line):
            assert re.search(rf"^{target}:", made, re.MULTILINE), target


@pytest.fixture
def shell(tmp_path):
    """Runs lines of the handbook, the first way of `bot`, in a folder of its own."""
    (defined,) = (line for block in BLOCKS for line in block.splitlines() if "# make:" in line)
    defined = defined.replace(".venv/bin/optout-bot", str(BIN / "optout-bot"))
    clean = {k: v for k, v in os.environ.items() if k not in setting_names()}

    def run(lines, given=""):
        return subprocess.run(
            ["bash", "-euc", f"{defined}\n{lines}"],
            cwd=tmp_path,
            env=clean,
            input=given,
            capture_output=True,
            text=True,
        )

    run.folder, run.environment = tmp_path, clean
    return run


def block(words):
    """The one block of the handbook that holds these words."""
    (found,) = (block for block in BLOCKS if words in block)
    return found


def test_the_token_is_put_where_only_its_owner_reads_it(shell):
    """The handbook's first line, as somebody types it."""
    line = block("BOT_TOKEN_FILE=secrets/token").splitlines()[0]
    assert shell(line, "123456:ABC-DEF\n").returncode == 0
    file = shell.folder / "secrets" / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.read_settings({"BOT_TOKEN_FILE": str(file)}).token.reveal() == "123456:ABC-DEF"


def test_telegram_is_told_to_forget_the_webhook_without_showing_the_token(shell):
    """The address reaches curl by its input, not as an argument."""
    (shell.folder / "secrets").mkdir()
    (shell.folder / "secrets" / "token").write_text("123456:ABC-DEF\n")
    line = block("deleteWebhook").strip().replace("sudo ", "")
    assert line.endswith("| curl -sS -K -")
    done = shell(line.replace("curl -sS -K -", "cat"))
    assert done.stdout == (
        f'url = "{settings.TELEGRAM}123456:ABC-DEF/deleteWebhook?drop_pending_updates=true"\n'
    )


@pytest.mark.slow
def test_a_host_goes_through_the_handbook(shell):
    """Start, health, backup, stop, restore, rotation, damage: each line as it stands there."""

    def started(*options):
        bot = subprocess.Popen(
            [BIN / "optout-bot", "run", *options],
            cwd=shell.folder,
            env={**shell.environment, "PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if "ready" not in (first := bot.stdout.readline()):
            bot.kill()
            pytest.fail(f"the bot did not start: {first}, status {bot.wait()}")
        return bot

    def stopped(bot):
        bot.send_signal(signal.SIGTERM)
        assert bot.wait(timeout=STOP_S) == app.STATUSES[Ending.TOLD]
        bot.stdout.close()

    data = shell.folder / "data"
    bot = started()
    try:
        health = shell(block("bot health"))
        assert (health.returncode, health.stdout) == (0, "good: the bot hears Telegram\n")
        for line in block("bot backup --keep").splitlines():
            done = shell(line)
            # Twice within a second is one name: the second says so.
            assert done.returncode == 0 or "is there already" in done.stderr, done.stderr
        assert shell("bot rotate-key").returncode == cli.WRONG_USE
    finally:
        stopped(bot)
    assert shell("bot health").returncode == cli.FAULTS

    (copy, *_) = sorted((data / copies.FOLDER).iterdir())
    example = block("bot restore data/").split("   #")[0].strip()
    assert copies.is_ours(Path(shlex.split(example)[-1]))
    done = shell(f"bot restore data/{copies.FOLDER}/{copy.name}")
    assert done.returncode == 0, done.stderr
    before = (data / KEY_FILE).read_bytes()
    done = shell(block("bot rotate-key").splitlines()[0])
    assert done.returncode == 0, done.stderr
    assert (data / KEY_FILE).read_bytes() != before

    (data / DATABASE).write_bytes(b"no database at all, " * 400)
    refused = shell("PORT=0 bot run")
    assert refused.returncode == cli.WRONG_USE
    words = parse(shlex.split(block("--set-aside-damaged"))[1:])
    assert words.set_aside_damaged
    stopped(started("--set-aside-damaged"))
    assert list(data.glob(f"{DATABASE}.damaged-*"))
