"""Speed and memory of matching, beside what is usually done, in one run on this machine.

`load` measures the whole bot, and `soak` its memory over time.
"""

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.matching.cache import load_or_build
from bot.matching.index import Phrasing, Role

LANGUAGES = 24
PHRASINGS = 1_700
"""Phrasings of a made-up language."""
QUESTIONS = 400
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORST = {
    "4,096 letters": "a" * 4_096,
    "one word 4,096 times": "photo " * 4_096,
    "combining marks": "e" + "\u0301" * 4_096,
    "zero-width characters": "\u200b".join("are my photos used " * 60),
    "U+FDFA": "\ufdfa" * 4_096,
    "800 unknown words": " ".join(f"qx{n}zw" for n in range(800)),
}


def made_up(phrasings: Mapping[str, Sequence[Phrasing]]) -> dict[str, list[Phrasing]]:
    """Languages made from ours: each with its own alphabet shuffled, of equal size."""
    own = sorted(phrasings)
    made: dict[str, list[Phrasing]] = {}
    for number in range(LANGUAGES):
        shuffled = list(_LETTERS)
        chance = random.Random(number)  # noqa: S311 - the same languages in every run
        chance.shuffle(shuffled)
        table = str.maketrans(_LETTERS, "".join(shuffled))
        source = list(phrasings[own[number % len(own)]])
        some = chance.sample(source, min(PHRASINGS, len(source)))
        made[f"x{number:02}"] = [
            Phrasing(p.text.lower().translate(table), p.label, p.role) for p in some
        ]
    return made


def run(phrasings: Mapping[str, Sequence[Phrasing]]) -> Iterator[str]:
    """Lines of the report."""
    made = made_up(phrasings)
    texts = [p for own in made.values() for p in own if p.role is Role.TOPIC]
    chance = random.Random(7)  # noqa: S311
    asked = [_misspelt(p.text, chance) for p in chance.sample(texts, QUESTIONS)]
    total = sum(map(len, made.values()))
    yield f"{total:,} phrasings in {LANGUAGES} made-up languages, {QUESTIONS} misspelt questions"
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        load_or_build(made, Path(folder))
        built = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        # In a process of its own: what building has freed here would be used again, and not seen.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own_process:
            loaded, memory = own_process.submit(_loading, made, Path(folder)).result()
        matcher = load_or_build(made, Path(folder))
    yield f"index: built in {built:.1f} s, loaded in {loaded:.2f} s, {size / 1e6:.0f} MB on disk, {memory:.0f} MB in memory"
    yield f"{'a question, one core':<28}{'median ms':>10}{'p99 ms':>10}"
    yield _line("ours", matcher.match, asked)
    every = [p.text for p in texts]
    few = asked[:40]
    yield _line(
        "WRatio, extractOne", lambda t: process.extractOne(t, every, scorer=fuzz.WRatio), few
    )
    yield from _bm25(every, asked)
    yield f"{'worst input':<28}{'ms':>10}"
    for name, text in WORST.items():
        matcher.match(text)
        yield f"{name:<28}{min(_timed(matcher.match, [text] * 5)):>10.2f}"
    yield f"process start to first answer, own content, built index: {_start():.2f} s"


def _bm25(every: list[str], asked: list[str]) -> Iterator[str]:
    try:
        import bm25s
    except ImportError:
        return
    index = bm25s.BM25()
    index.index(bm25s.tokenize(every, stopwords=None, show_progress=False), show_progress=False)

    def ask(text: str) -> object:
        words = bm25s.tokenize([text], stopwords=None, show_progress=False)
        return index.retrieve(words, k=3, show_progress=False)

    yield _line("BM25 (bm25s)", ask, asked)


def _line(name: str, ask: Callable[[str], object], asked: Sequence[str]) -> str:
    ask(asked[0])
    taken = sorted(_timed(ask, asked))
    return f"{name:<28}{statistics.median(taken):>10.2f}{taken[int(len(taken) * 0.99)]:>10.2f}"


def _timed(ask: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    taken = []
    for text in asked:
        began = time.perf_counter()
        ask(text)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _misspelt(text: str, chance: random.Random) -> str:
    """Two letters of a word change places, in one word of three."""
    words = text.split()
    for n, word in enumerate(words):
        if len(word) > 3 and chance.random() < 0.3:  # noqa: PLR2004
            place = chance.randrange(len(word) - 1)
            words[n] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def _loading(made: Mapping[str, Sequence[Phrasing]], folder: Path) -> tuple[float, float]:
    """Seconds and resident MB that it takes to load a built index."""
    before, began = memory(), time.perf_counter()
    matcher = load_or_build(made, folder)
    taken = time.perf_counter() - began
    matcher.match("a first question")
    return taken, memory() - before


def memory() -> float:
    """Resident memory of this process in MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _start() -> float:
    command = [sys.executable, "-m", "bot", "ask", "--json", "are my DMs used?"]
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
        taken.append(time.perf_counter() - began)
    return min(taken)
