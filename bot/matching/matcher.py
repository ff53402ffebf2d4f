"""From an utterance to a decision: one label, a choice of a few, or an honest don't-know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bot.matching.index import Candidate, Index, Phrasing, Role
from bot.matching.languages import NEAR_NATS, Detector, Vote
from bot.matching.text import normalise

MOST_CHOICES = 3
SHORTEST = 2
"""Letters or digits below which nothing is looked for: two empty texts would be all alike."""
NATS_WORTH = 0.02
"""What a nat of language evidence is worth as score, between finds in two languages."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to answer, when to offer, when to say that we do not know.

    `lead` is the best topic's score less that of the nearest label that is not ours. The values
    were chosen on the questions of tests/calibration, which are neither phrasings nor tests:
    most answers at once with at most 1.5 % wrong and 3 % of what is not ours answered.
    """

    answer: float = 0.14
    """The lead from which the best topic is answered, if it is ahead of the second by `margin`."""
    margin: float = 0.02
    """How far the best topic must be ahead of the second."""
    offer: float = 0.02
    """The lead from which topics are offered as buttons."""
    weakest: float = 0.20
    """Below this score nothing is offered, whatever it is compared with."""
    near: float = 0.7
    """Choices score at least this share of the best one."""
    aside: float = 0.33
    """The score from which small talk is recognised, if it is ahead of the topics by `margin`."""


class Outcome(Enum):
    """What to do with an utterance."""

    ANSWER = "answer"
    CHOOSE = "choose"
    UNKNOWN = "unknown"
    CHITCHAT = "chitchat"


@dataclass(frozen=True, slots=True)
class Match:
    """A decision and what it rests on."""

    outcome: Outcome
    language: str
    """Language of the utterance, as far as can be told."""
    label: str | None = None
    """The topic answered, or the kind of small talk."""
    choices: tuple[Candidate, ...] = ()
    """Topics to offer, best first."""
    score: float = 0.0
    rule: str = ""
    """Which rule decided, in words for people."""
    certain: bool = False
    """Whether the language is beyond doubt by the words alone."""
    normal: str = ""
    votes: tuple[Vote, ...] = ()
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)


class Matcher:
    """All languages together."""

    def __init__(
        self, indexes: Mapping[str, Index], detector: Detector, policy: Policy | None = None
    ) -> None:
        self.indexes = indexes
        self.detector = detector
        self.policy = policy or Policy()

    @classmethod
    def build(
        cls, phrasings: Mapping[str, Iterable[Phrasing]], policy: Policy | None = None
    ) -> "Matcher":
        """From phrasings by language. Takes about a second for 5,000 of them; see `cache`."""
        kept = {language: tuple(texts) for language, texts in phrasings.items()}
        return cls(
            {language: Index(language, texts) for language, texts in kept.items()},
            Detector({language: [p.text for p in texts] for language, texts in kept.items()}),
            policy,
        )

    def match(self, utterance: str, prior: Iterable[str] = ()) -> Match:
        """Decide on an utterance of any length and content; never raises.

        `prior`: languages the person is likely to write, the likeliest first.
        """
        normal = normalise(utterance)
        evidence = self.detector.evidence(utterance)
        votes = tuple(self.detector.ranked(evidence, prior))
        if not votes:
            return Match(Outcome.UNKNOWN, "", rule="no languages are loaded", normal=normal)
        by_words = self.detector.ranked(evidence, ())
        certain = all(vote.nats <= -NEAR_NATS for vote in by_words[1:])
        if len(normal) < SHORTEST:
            return Match(
                Outcome.UNKNOWN,
                votes[0].language,
                rule="too few letters to say anything",
                normal=normal,
                votes=votes,
            )
        likely = [vote for vote in votes if vote.nats > -NEAR_NATS]
        found = [self._decide(vote.language, normal) for vote in likely]
        # Nothing found in any: the likeliest language. Else the better find, and between equals
        # the likelier language.
        best = found[0]
        for vote, other in zip(likely[1:], found[1:], strict=True):
            ahead = other.score - best.score + NATS_WORTH * vote.nats
            if (_RANK[other.outcome], ahead) > (_RANK[best.outcome], 0.0):
                best = other
        return Match(
            best.outcome,
            best.language,
            best.label,
            best.choices,
            best.score,
            best.rule,
            certain,
            normal,
            votes,
            best.candidates,
        )

    def likely(self, utterance: str) -> list[str]:
        """Languages that an utterance may be in, by its words alone, the likeliest first."""
        return [v.language for v in self.detector.votes(utterance) if v.nats > -NEAR_NATS]

    def _decide(self, language: str, normal: str) -> Match:
        index, policy = self.indexes[language], self.policy
        known = index.exact.get(normal)
        ranked = tuple(index.rank(normal))
        if known and known.role is not Role.OUTSIDE:
            outcome = Outcome.ANSWER if known.role is Role.TOPIC else Outcome.CHITCHAT
            hit = next(c for c in ranked if (c.label, c.role) == (known.label, known.role))
            return Match(outcome, language, known.label, (hit,), 1.0, "an exact phrasing",
                         candidates=ranked)  # fmt: skip
        topics = [c for c in ranked if c.role is Role.TOPIC]
        others = [c for c in ranked if c.role is not Role.TOPIC]
        aside = next((c for c in others if c.role is Role.ASIDE), None)
        best = topics[0] if topics else None
        rival = best.score + policy.margin if best else 0.0
        if aside and aside.score >= max(policy.aside, rival):
            return Match(Outcome.CHITCHAT, language, aside.label, (), aside.score,
                         "nearest to small talk", candidates=ranked)  # fmt: skip
        if not best or best.score < policy.weakest:
            return Match(Outcome.UNKNOWN, language, score=best.score if best else 0.0,
                         rule="nothing comes near", candidates=ranked)  # fmt: skip
        lead = best.score - (others[0].score if others else 0.0)
        margin = best.score - (topics[1].score if len(topics) > 1 else 0.0)
        choices = tuple(c for c in topics[:MOST_CHOICES] if c.score >= policy.near * best.score)
        if lead >= policy.answer and margin >= policy.margin:
            rule = f"leads by {margin:.2f}, and {lead:.2f} ahead of what is not ours"
            return Match(Outcome.ANSWER, language, best.label, choices, best.score, rule,
                         candidates=ranked)  # fmt: skip
        if lead >= policy.offer:
            rule = f"close: leads by {margin:.2f}, {lead:.2f} ahead of what is not ours"
            return Match(Outcome.CHOOSE, language, None, choices, best.score, rule,
                         candidates=ranked)  # fmt: skip
        return Match(Outcome.UNKNOWN, language, score=best.score,
                     rule=f"nearer by {-lead:.2f} to what is not ours", candidates=ranked)  # fmt: skip


_RANK = {Outcome.UNKNOWN: 0, Outcome.CHOOSE: 1, Outcome.CHITCHAT: 2, Outcome.ANSWER: 3}
