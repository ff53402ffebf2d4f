"""How well utterances are matched: counted, by language and kind; and thresholds from the counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from bot.matching.matcher import Match, Matcher, Outcome, Policy


@dataclass(frozen=True, slots=True)
class Utterance:
    """A question of which it is known what it is about."""

    text: str
    language: str
    kind: str
    """How it is put: plain, story …; for what is not ours: near or far."""
    labels: frozenset[str] = frozenset()
    """Topics that a reader would accept; empty for what is not ours."""
    aside: str = ""
    """The kind of small talk, if it is some."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an utterance."""

    utterance: Utterance
    match: Match
    result: str
    """In scope: right, offered, refused or wrong, or missed (choices without the topic).
    Not ours: answered, offered, refused. Small talk: right or wrong."""


def judge(utterance: Utterance, match: Match) -> Verdict:
    """Compare a decision with what is known."""
    if utterance.aside:
        good = match.outcome is Outcome.CHITCHAT and match.label == utterance.aside
        return Verdict(utterance, match, "right" if good else "wrong")
    answered = match.outcome is Outcome.ANSWER
    if not utterance.labels:
        taken = {Outcome.ANSWER: "answered", Outcome.CHOOSE: "offered"}
        return Verdict(utterance, match, taken.get(match.outcome, "refused"))
    if answered:
        return Verdict(utterance, match, "right" if match.label in utterance.labels else "wrong")
    if match.outcome is Outcome.CHOOSE:
        held = any(c.label in utterance.labels for c in match.choices)
        return Verdict(utterance, match, "offered" if held else "missed")
    return Verdict(utterance, match, "wrong" if match.outcome is Outcome.CHITCHAT else "refused")


def evaluate(matcher: Matcher, utterances: Iterable[Utterance]) -> list[Verdict]:
    """Match every utterance, with its own language as that of the app."""
    return [judge(u, matcher.match(u.text, (u.language,))) for u in utterances]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares, 0 to 1, of one language."""

    right: float
    """Answered right at once, of what is ours."""
    found: float
    """Right at once or among the choices."""
    wrong: float
    near: float
    """Answered although not ours, of what is near to it."""
    far: float
    aside: float
    """Small talk recognised."""
    language: float
    """Language told right, of what has four words or more."""


def figures(verdicts: Sequence[Verdict]) -> Figures:
    """Count verdicts."""
    own = [v for v in verdicts if v.utterance.labels]
    counts = Counter(v.result for v in own)
    asides = [v for v in verdicts if v.utterance.aside]
    longer = [v for v in own if len(v.utterance.text.split()) >= 4]  # noqa: PLR2004

    def answered(kind: str) -> float:
        some = [v for v in verdicts if not v.utterance.labels and v.utterance.kind == kind]
        return _share(sum(v.result == "answered" for v in some), some)

    return Figures(
        right=_share(counts["right"], own),
        found=_share(counts["right"] + counts["offered"], own),
        wrong=_share(counts["wrong"], own),
        near=answered("near"),
        far=answered("far"),
        aside=_share(sum(v.result == "right" for v in asides), asides),
        language=_share(sum(v.match.language == v.utterance.language for v in longer), longer),
    )


def _share(count: int, of: Sequence[object]) -> float:
    return count / len(of) if of else 0.0


def calibrate(
    matcher: Matcher, utterances: Sequence[Utterance], *, wrong: float, near: float
) -> tuple[Policy, Figures]:
    """The policy that answers most at once with at most these shares wrong and not ours.

    The utterances must be no phrasings of the matcher, and no test set.
    """
    best: tuple[tuple[float, float], Policy, Figures] | None = None
    before = matcher.policy
    try:
        for answer, margin, offer in product(
            [n / 100 for n in range(0, 24, 2)],
            [n / 100 for n in range(1, 11)],
            [-0.04, -0.02, 0.0, 0.02],
        ):
            matcher.policy = Policy(answer=answer, margin=margin, offer=offer)
            seen = figures(evaluate(matcher, utterances))
            if seen.wrong > wrong or seen.near > near:
                continue
            worth = (seen.right + 0.5 * seen.found, -seen.near)
            if best is None or worth > best[0]:
                best = (worth, matcher.policy, seen)
    finally:
        matcher.policy = before
    if best is None:
        raise ValueError("no policy keeps within these limits")
    return best[1], best[2]
