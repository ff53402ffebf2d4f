"""Carries out the Dockerfile without a container engine, and tries what comes out.

Each instruction is read from the Dockerfile. `RUN` lines run in bubblewrap, in an empty tree with a
copy of this Python in the place of the base image. The result then runs as the image would: as its
own user, without capabilities or network, all read-only but /data and /tmp. It must answer a
question, call itself healthy, and stop within ten seconds of SIGTERM.

What this cannot show: the base image itself (system libraries are this machine's), and the engine.

Exit status: 0 all good, 1 something failed, 2 this machine lacks what is needed.
"""
# ruff: noqa: INP001, T201, S603 - a script that prints and starts what the Dockerfile says

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_S, STOP_S = 60, 10
PATH = "/usr/local/bin:/usr/bin:/bin"
RECORDED = frozenset({"LABEL", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"})
"""What says how to run the image, and does nothing while it is built."""
HOST_ONLY = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Beside /usr, where the system's programs and libraries stand."""


class StepError(Exception):
    """A step of the image does not work; the message says which."""


@dataclass
class Stage:
    """A tree that instructions fill, and what they set."""

    name: str
    tree: Path
    base: str
    folder: str = "/"
    user: str = "0:0"
    environment: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    """The recorded instructions, by keyword."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and rest of each instruction, in order; comments and line breaks are gone."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = (line.split(maxsplit=1) for line in whole.splitlines() if line.strip())
    return [(keyword.upper(), rest) for keyword, rest in pairs]


def command(rest: str) -> list[str]:
    """An instruction's command as a list: the exec form as it stands, else by a shell."""
    return json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]


def plant(tree: Path) -> None:
    """Begin a tree: a copy of this Python where the base image has its own."""
    shutil.copytree(
        sys.base_prefix,
        tree / "usr" / "local",
        symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__", "test", "tests", "idlelib", "*.a"),
    )
    for name in ("etc", "tmp", "proc", "dev"):
        (tree / name).mkdir()
    for name in HOST_ONLY:
        host = Path("/", name)
        if host.is_symlink():
            (tree / name).symlink_to(host.readlink())


def box(stage: Stage, *options: str) -> list[str]:
    """The start of a command line that sees the stage's tree as its root."""
    mounts = [
        "--bind",
        str(stage.tree),
        "/",
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind",
        "/etc",
        "/etc",
    ]
    mounts += ["--bind", str(stage.tree / "usr" / "local"), "/usr/local"]
    for name in HOST_ONLY:
        host = Path("/", name)
        if host.is_dir() and not host.is_symlink():
            mounts += ["--ro-bind", str(host), str(host)]
    environment = {
        "PATH": PATH,
        "HOME": "/tmp",  # noqa: S108 - the tree's own
        "LD_LIBRARY_PATH": "/usr/local/lib",  # a Python may be built with its library apart
        **stage.environment,
    }
    settings = [part for pair in environment.items() for part in ("--setenv", *pair)]
    return [
        "bwrap", *mounts, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",  # noqa: S108
        "--chdir", stage.folder, "--die-with-parent", "--clearenv", *settings, *options,
    ]  # fmt: skip


def copy(stage: Stage, rest: str, stages: list[Stage]) -> None:
    """COPY: from the checkout, or from an earlier stage."""
    source, words = ROOT, rest.split()
    if words[0].startswith("--from="):
        name = words.pop(0).removeprefix("--from=")
        source = next(earlier.tree for earlier in stages if earlier.name == name)
    *names, target = words
    into = stage.tree / os.path.normpath(f"{stage.folder}/{target}").lstrip("/")
    for name in names:
        here = source / name.lstrip("/")
        if here.is_dir():
            ignore = shutil.ignore_patterns("__pycache__") if source == ROOT else None
            shutil.copytree(here, into, symlinks=True, dirs_exist_ok=True, ignore=ignore)
        else:
            shutil.copy2(here, into / here.name)


def build(text: str, work: Path) -> Stage:
    """Carry out all instructions; gives the last stage.

    Raises:
        StepError: at the first one that fails, or that is not known here.
    """
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for keyword, given in instructions(text):
        begun = time.monotonic()
        rest = re.sub(r"\$\{(\w+)\}", lambda found: arguments.get(found[1], found[0]), given)
        if keyword == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
            continue
        if keyword == "FROM":
            base, *name = re.split(r"\s+AS\s+", rest, flags=re.IGNORECASE)
            tree = work / f"stage-{len(stages)}"
            plant(tree)
            stages.append(Stage(name[0] if name else "", tree, base))
            print(f"ok    FROM {rest} (stands in: Python {sys.version.split()[0]})", flush=True)
            continue
        stage = stages[-1]
        match keyword:
            case "RUN":
                _run(stage, rest)
            case "COPY":
                copy(stage, rest, stages)
            case "WORKDIR":
                stage.folder = rest
                (stage.tree / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = rest
            case "ENV":
                pairs = (pair.split("=", 1) for pair in shlex.split(rest))
                stage.environment |= {name: value.replace("$PATH", PATH) for name, value in pairs}
            case _ if keyword in RECORDED:
                stage.said[keyword] = rest
            case _:
                raise StepError(f"{keyword} is not known here: teach it to {Path(__file__).name}")
        print(f"ok    {keyword} {rest[:80]} ({time.monotonic() - begun:.1f} s)", flush=True)
    return stages[-1]


def _run(stage: Stage, rest: str) -> None:
    # A machine may have its own package index; an engine would be told by build arguments.
    own = [part for name, value in os.environ.items() if name.startswith("PIP_")
           for part in ("--setenv", name, value)]  # fmt: skip
    done = subprocess.run([*box(stage, *own), *command(rest)], check=False, capture_output=True)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise StepError(f"RUN {rest}\n{said}\nit ended with status {done.returncode}")


def try_out(stage: Stage, data: Path) -> None:
    """Run what was built as the image would be run.

    Raises:
        StepError: when it does not answer, is not healthy, or does not stop.
    """
    user, group = stage.user.split(":")
    data.mkdir(mode=0o700)
    os.chown(data, int(user), int(group))
    options = ["--remount-ro", "/", "--remount-ro", "/usr/local", "--unshare-net"]
    sealed = [
        *box(stage, "--bind", str(data), stage.said["VOLUME"], *options),
        "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
        "--inh-caps=-all", "--bounding-set=-all",
    ]  # fmt: skip
    entry = command(stage.said["ENTRYPOINT"])

    def ends(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*sealed, *words], capture_output=True, text=True, check=False)

    _expect(ends("touch", "/opt/bot/x").returncode != 0, "nothing can be written beside the data")
    _expect(ends("python", "-m", "pip", "--version").returncode != 0, "pip is gone")
    kept = ends("sh", "-c", "cat /opt/bot/var/optout-bot/index-*.npz >/dev/null")
    _expect(kept.returncode == 0, "the built index can be read by the image's user")
    begun = time.monotonic()
    answer = ends(*entry, "ask", "--json", "are my DMs used?")
    _expect(
        '"topic": "private-messages"' in answer.stdout,
        f"it answers a question, without network ({time.monotonic() - begun:.1f} s)",
        answer.stderr,
    )

    bot, process = _start(sealed, [*entry, *command(stage.said["CMD"])])
    try:
        first = bot.stdout.readline() if bot.stdout else ""
        _expect("ready" in first, f"it starts: {first.strip()}")
        health = command(stage.said["HEALTHCHECK"].split("CMD", 1)[1].strip())
        until = time.monotonic() + START_S
        while (healthy := ends(*health)).returncode and time.monotonic() < until:
            time.sleep(1)
        _expect(healthy.returncode == 0, f"healthy: {healthy.stdout.strip()}", healthy.stderr)
        begun = time.monotonic()
        os.kill(process, getattr(signal, stage.said["STOPSIGNAL"]))
        try:
            status = bot.wait(STOP_S)
        except subprocess.TimeoutExpired:
            status = None
        took = time.monotonic() - begun
        _expect(status == 0, f"it stops when told, in {took:.1f} s", f"status {status}")
    finally:
        if bot.poll() is None:
            os.kill(process, signal.SIGKILL)
            bot.wait()


def _start(sealed: list[str], words: list[str]) -> tuple[subprocess.Popen[str], int]:
    """Start as process 1, as an engine does; gives bubblewrap and the number of the bot itself."""
    reading, writing = os.pipe()
    place = sealed.index("setpriv")
    alone = ["--unshare-pid", "--as-pid-1", "--info-fd", str(writing)]
    bot = subprocess.Popen(
        [*sealed[:place], *alone, *sealed[place:], *words],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(writing,),
    )
    os.close(writing)
    told = ""
    with open(reading, encoding="utf-8") as opened:  # noqa: PTH123 - a descriptor
        while "}" not in told and (line := opened.readline()):
            told += line
    if "}" not in told:
        raise StepError(f"it does not start: status {bot.wait()}")
    return bot, int(json.loads(told)["child-pid"])


def _expect(good: bool, what: str, otherwise: str = "") -> None:
    if not good:
        raise StepError(f"not so: {what}\n{otherwise}")
    print(f"ok    {what}", flush=True)


def main() -> int:
    """Check the Dockerfile of this checkout; gives the exit status."""
    missing = [name for name in ("bwrap", "setpriv") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        print(
            "check_image: run it as root, with bubblewrap and util-linux installed", file=sys.stderr
        )
        return 2
    if sys.base_prefix == "/usr":
        print("check_image: use a Python that does not lie in /usr", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="image-") as work:
        # The image's user must be able to walk to its data.
        Path(work).chmod(0o755)
        try:
            image = build((ROOT / "Dockerfile").read_text(encoding="utf-8"), Path(work))
            try_out(image, Path(work) / "data")
        except StepError as error:
            print(f"FAILS {error}", file=sys.stderr)
            return 1
    print("The image's steps work.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
