"""How well questions are matched, as tables: ours, and beside it what is usually done."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from rapidfuzz import fuzz, process

from bot.knowledge import formats
from bot.matching.evaluation import Figures, Utterance, Verdict, figures
from bot.matching.index import Phrasing, Role
from bot.matching.matcher import Matcher, Outcome

KINDS = ("plain", "terse", "typo", "slang", "mixed", "formal", "story", "indirect")
RESULTS = ("right", "offered", "missed", "refused", "wrong")
COLUMNS = (
    ("found", "found"),
    ("right at once", "right"),
    ("wrong", "wrong"),
    ("near answered", "near"),
    ("far answered", "far"),
    ("small talk", "aside"),
    ("language", "language"),
)
Rank = Callable[[Utterance], list[str]]
WORST = 12
"""Confusions that are listed."""


def by_language(verdicts: Sequence[Verdict], languages: Sequence[str]) -> Iterator[str]:
    """A Markdown table: one line a language."""
    yield "| language | questions | " + " | ".join(name for name, _ in COLUMNS) + " |"
    yield "|---|" + "---:|" * (len(COLUMNS) + 1)
    for language in languages:
        own = [v for v in verdicts if v.utterance.language == language]
        if own:
            name = formats.autonym(language)
            yield f"| {name} | {len(own)} | {_row(figures(own))} |"


def by_kind(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What became of the questions that are ours, by how they are put."""
    counts = Counter((v.utterance.kind, v.result) for v in verdicts if v.utterance.labels)
    yield f"{'kind':<10}{'questions':>10}" + "".join(f"{result:>10}" for result in RESULTS)
    for kind in KINDS:
        row = [counts[kind, result] for result in RESULTS]
        if total := sum(row):
            shares = "".join(f"{count / total:>10.1%}" for count in row)
            yield f"{kind:<10}{total:>10}{shares}"


def confusions(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Which topics are taken for which others, the most frequent first."""
    counts = Counter(
        (" or ".join(sorted(v.utterance.labels)), v.match.label or "small talk")
        for v in verdicts
        if v.utterance.labels and v.result == "wrong"
    )
    for (wanted, given), count in counts.most_common(WORST):
        yield f"{count:>4}  {wanted} → {given}"


def errors(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Each wrong answer with the phrasing that misled."""
    for verdict in verdicts:
        match, asked = verdict.match, verdict.utterance
        if verdict.result not in {"wrong", "answered"} or match.outcome is Outcome.UNKNOWN:
            continue
        if asked.aside and match.outcome is Outcome.CHITCHAT:
            continue
        wanted = " or ".join(sorted(asked.labels)) or asked.aside or f"not ours ({asked.kind})"
        near = next((c.nearest for c in match.candidates if c.label == match.label), "")
        yield f"{asked.language} {asked.kind}: {asked.text}"
        yield f'    is {wanted}, got {match.label or match.outcome.value}; nearest: "{near}"'


def baselines(
    phrasings: Mapping[str, Sequence[Phrasing]],
    matcher: Matcher,
    verdicts: Sequence[Verdict],
) -> Iterator[str]:
    """The right topic first, and among the first three, by ranking alone; nothing is refused."""
    own = [v.utterance for v in verdicts if v.utterance.labels]
    methods: dict[str, Rank] = {
        "WRatio, extractOne": lambda u: _fuzzy(phrasings[u.language], u, fuzz.WRatio),
        "token_set_ratio": lambda u: _fuzzy(phrasings[u.language], u, fuzz.token_set_ratio),
        **_bm25(phrasings),
        "ours": lambda u: _ours(matcher, u),
    }
    yield f"{'method':<24}{'first':>8}{'in three':>10}"
    for name, method in methods.items():
        ranked = [(u, method(u)) for u in own]
        first = sum(bool(r and r[0] in u.labels) for u, r in ranked) / len(own)
        three = sum(bool(u.labels & set(r[:3])) for u, r in ranked) / len(own)
        yield f"{name:<24}{first:>8.1%}{three:>10.1%}"


def _row(seen: Figures) -> str:
    return " | ".join(f"{getattr(seen, field):.1%}" for _, field in COLUMNS)


def _ours(matcher: Matcher, utterance: Utterance) -> list[str]:
    match = matcher.match(utterance.text, (utterance.language,))
    return [c.label for c in match.candidates if c.role is Role.TOPIC]


def _fuzzy(
    phrasings: Sequence[Phrasing], utterance: Utterance, scorer: Callable[..., float]
) -> list[str]:
    topics = [p for p in phrasings if p.role is Role.TOPIC]
    texts = [p.text.lower() for p in topics]
    found = process.extract(utterance.text.lower(), texts, scorer=scorer, limit=30)
    return list(dict.fromkeys(topics[place].label for _, _, place in found))


def _bm25(phrasings: Mapping[str, Sequence[Phrasing]]) -> dict[str, Rank]:
    """BM25 over words, where its package (a development dependency) is installed."""
    try:
        import bm25s
    except ImportError:
        return {}
    indexes = {}
    for language, own in phrasings.items():
        topics = [p for p in own if p.role is Role.TOPIC]
        index = bm25s.BM25()
        words = bm25s.tokenize([p.text for p in topics], stopwords=None, show_progress=False)
        index.index(words, show_progress=False)
        indexes[language] = (topics, index)

    def rank(utterance: Utterance) -> list[str]:
        topics, index = indexes[utterance.language]
        words = bm25s.tokenize([utterance.text], stopwords=None, show_progress=False)
        found, _ = index.retrieve(words, k=30, show_progress=False)
        return list(dict.fromkeys(topics[int(place)].label for place in found[0]))

    return {"BM25 (bm25s)": rank}
