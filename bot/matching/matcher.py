"""From an utterance to a decision: one label, a choice of a few, or an honest don't-know."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from bot.matching.confidence import Calibration, describe, read_calibration
from bot.matching.index import Candidate, Index, Phrasing, Ranking, Role
from bot.matching.languages import NEAR_NATS, Detector, Vote
from bot.matching.text import cut, normalise

MOST_CHOICES = 3
ASIDE_SCORE = 0.12
"""The score from which small talk is recognised."""
ASIDE_LEAD, ASIDE_LEAD_LONG = 0.0, 0.1
"""How far small talk must be ahead of all else: in a short utterance, and in a longer one."""
FOLLOW_SCORE, FOLLOW_LEAD = 0.5, 0.15
"""The summed score from which a follow-up is taken up, and its lead from which it is answered."""
ASIDE_WORD = 0.3
"""The score from which a single word is small talk: there is little else to go by."""
SAYS_NOTHING = "one word that stands nearly everywhere"
"""The rule that ends a search in all languages: what a word is in one, it is in none as a topic."""
COURTESIES = frozenset({"greeting", "thanks", "goodbye"})
"""Kinds of small talk that people put beside a question; any other is what it is from end to end."""
MOST_PARTS = 8
"""Parts of an utterance that are looked at where it was taken for small talk."""
_PARTS = re.compile(r"[.!?;:,\n]+")
SHORT_ASIDE = 5
"""Words up to which an utterance is short."""
SHORTEST = 2
"""Letters or digits below which nothing is looked for: two empty texts would be all alike."""
NATS_WORTH = 0.02
"""What a nat of language evidence is worth as score, between finds in two languages."""


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
    confidence: float = 0.0
    """How likely the best topic is the right one, 0 to 1."""
    certain: bool = False
    """Whether the language is beyond doubt by the words alone."""
    normal: str = ""
    votes: tuple[Vote, ...] = ()
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)


class Matcher:
    """All languages together."""

    def __init__(
        self,
        indexes: Mapping[str, Index],
        detector: Detector,
        calibration: Calibration | None = None,
    ) -> None:
        self.indexes = indexes
        self.detector = detector
        self.calibration = calibration or read_calibration()

    @classmethod
    def build(
        cls, phrasings: Mapping[str, Iterable[Phrasing]], calibration: Calibration | None = None
    ) -> "Matcher":
        """From phrasings by language. Takes some seconds for thousands of them; see `cache`."""
        kept = {language: tuple(texts) for language, texts in phrasings.items()}
        return cls(
            {language: Index(language, texts) for language, texts in kept.items()},
            Detector({language: [p.text for p in texts] for language, texts in kept.items()}),
            calibration,
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
        certain = self.detector.certain(evidence)
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
            if SAYS_NOTHING in {best.rule, other.rule}:  # "the" means nothing in Dutch either
                best = min(best, other, key=lambda match: match.rule != SAYS_NOTHING)
                continue
            ahead = other.score - best.score + NATS_WORTH * vote.nats
            if (_RANK[other.outcome], ahead) > (_RANK[best.outcome], 0.0):
                best = other
        if best.outcome is Outcome.CHITCHAT and best.label in COURTESIES and best.score < 1:
            best = self._beside_courtesy(utterance, best)
        # Labels are the same in all languages: what was found among the phrasings of a near
        # language is told in the language of the question.
        rule = best.rule
        if best.language != votes[0].language:
            rule += f", among the phrasings in {best.language}"
        return replace(
            best,
            language=votes[0].language,
            rule=rule,
            certain=certain,
            normal=normal,
            votes=votes,
        )

    def follow(self, topic: str, title: str, rest: str, alone: Match) -> Match:
        """Decide on a short follow-up such as "(and) whatsapp?" after a topic was answered.

        What it says alone and what it says together with the topic's title are added up: "and on
        instagram?" after "where is the form" stays with the form.
        """
        index = self.indexes.get(alone.language)
        if not index:
            return alone
        scores: dict[str, float] = {}
        ranked: dict[str, Candidate] = {}
        for text in (rest, normalise(f"{title} {rest}")):
            for candidate in index.rank(text).of(Role.TOPIC):
                ranked.setdefault(candidate.label, candidate)
                scores[candidate.label] = scores.get(candidate.label, 0.0) + candidate.score
        best = sorted(scores, key=lambda label: (-scores[label], label))[:MOST_CHOICES]
        if not best or scores[best[0]] < FOLLOW_SCORE:
            return alone
        choices = tuple(ranked[label] for label in best)
        lead = scores[best[0]] - (scores[best[1]] if len(best) > 1 else 0.0)
        if lead >= FOLLOW_LEAD:
            return replace(alone, outcome=Outcome.ANSWER, label=best[0], choices=choices[:1],
                           score=choices[0].score, rule=f"goes on from {topic}")  # fmt: skip
        return replace(alone, outcome=Outcome.CHOOSE, label=None, choices=choices,
                       score=choices[0].score, rule=f"goes on from {topic}, not clearly")  # fmt: skip

    def likely(self, utterance: str) -> list[str]:
        """Languages that an utterance may be in, by its words alone, the likeliest first."""
        return [v.language for v in self.detector.votes(utterance) if v.nats > -NEAR_NATS]

    def _beside_courtesy(self, utterance: str, taken: Match) -> Match:
        """What else stands in an utterance that was taken for small talk, if it is a question.

        "Are my photos used? Thank you for your help": the courtesy is left out, the rest decides.
        """
        parts = [part for part in map(normalise, _PARTS.split(cut(utterance))) if part]
        some = [p for p in parts[:MOST_PARTS] if " " in p]
        beside = [
            p for p in some if self._decide(taken.language, p).outcome is not Outcome.CHITCHAT
        ]
        rest = " ".join(beside)
        if not rest or len(parts) == 1:
            return taken
        found = self._decide(taken.language, rest)
        asked = "?" in utterance or len(rest.split()) > SHORT_ASIDE
        if found.outcome is not Outcome.ANSWER and not (found.outcome is Outcome.CHOOSE and asked):
            return taken
        return replace(found, rule=f"{found.rule}, beside small talk")

    def _decide(self, language: str, normal: str) -> Match:
        index, limits = self.indexes[language], self.calibration
        ranking = index.rank(normal)
        ranked = ranking.candidates
        topics, asides = ranking.of(Role.TOPIC), ranking.of(Role.ASIDE)
        role, label = index.exact(normal) or (None, None)
        if " " not in normal and topics and role in {Role.TOPIC, None}:
            return self._one_word(index, normal, ranking, label)
        if role in {Role.TOPIC, Role.ASIDE}:
            outcome = Outcome.ANSWER if role is Role.TOPIC else Outcome.CHITCHAT
            hits = tuple(c for c in topics if c.label == label)
            return Match(outcome, language, label, hits, 1.0, "an exact phrasing",
                         confidence=1.0, candidates=ranked)  # fmt: skip
        if asides and self._is_aside(asides[0], ranking, normal):
            return Match(Outcome.CHITCHAT, language, asides[0].label, (), asides[0].score,
                         "nearest to small talk", candidates=ranked)  # fmt: skip
        if not topics:
            return Match(Outcome.UNKNOWN, language, rule="no topics", candidates=ranked)
        best = topics[0]
        features = describe(ranking, normal)
        right, held = limits.right(features), limits.held(features)
        if right >= limits.answer:
            rule = f"sure: {right:.2f} (from {limits.answer:.2f})"
            return Match(Outcome.ANSWER, language, best.label, tuple(topics[:1]), best.score, rule,
                         confidence=right, candidates=ranked)  # fmt: skip
        if held >= limits.offer:
            rule = f"close: {right:.2f} for the best, {held:.2f} for the first three"
            return Match(Outcome.CHOOSE, language, None, tuple(topics[:MOST_CHOICES]), best.score,
                         rule, confidence=right, candidates=ranked)  # fmt: skip
        rule = f"not near enough: {held:.2f} for the first three (from {limits.offer:.2f})"
        return Match(Outcome.UNKNOWN, language, score=best.score, rule=rule, confidence=right,
                     candidates=ranked)  # fmt: skip

    def _one_word(self, index: Index, word: str, ranking: Ranking, known: str | None) -> Match:
        """One word is no question: the topics that it stands in are offered, none is guessed.

        `known`: the topic that lists the word itself as a phrasing; it comes first.
        """
        holding = index.holding(word)
        if holding is None and known is None:
            return Match(
                Outcome.UNKNOWN, index.language, rule=SAYS_NOTHING, candidates=ranking.candidates
            )
        topics = [c for c in ranking.of(Role.TOPIC) if c.label in {known, *(holding or ())}]
        topics = sorted(topics, key=lambda c: c.label != known)[:MOST_CHOICES]
        asides = ranking.of(Role.ASIDE)
        if asides and self._is_aside(asides[0], ranking, word):
            return Match(Outcome.CHITCHAT, index.language, asides[0].label, (), asides[0].score,
                         "nearest to small talk", candidates=ranking.candidates)  # fmt: skip
        rule = "one word: the topics that it stands in"
        if not topics:
            held = self.calibration.held(describe(ranking, word))
            if held >= self.calibration.offer:
                topics = ranking.of(Role.TOPIC)[:MOST_CHOICES]
            rule = f"one word that stands in no topic: {held:.2f} for the first three"
        outcome = Outcome.CHOOSE if topics else Outcome.UNKNOWN
        score = topics[0].score if topics else 0.0
        return Match(outcome, index.language, None, tuple(topics), score, rule,
                     candidates=ranking.candidates)  # fmt: skip

    @staticmethod
    def _is_aside(aside: Candidate, ranking: Ranking, normal: str) -> bool:
        """Small talk is short, and nearest to small talk; a greeting before a question is none."""
        rival = max((c.score for c in ranking.of(Role.TOPIC, Role.OUTSIDE)), default=0.0)
        words = len(normal.split())
        least = ASIDE_WORD if words == 1 else ASIDE_SCORE
        lead = ASIDE_LEAD if words <= SHORT_ASIDE else ASIDE_LEAD_LONG
        return aside.score >= least and aside.score >= rival + lead


_RANK = {Outcome.UNKNOWN: 0, Outcome.CHOOSE: 1, Outcome.CHITCHAT: 2, Outcome.ANSWER: 3}
