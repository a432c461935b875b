"""The language: which sentences exist, how likely each is, and how to draw them.

A sentence is an opening, which is shown as the prompt, and the rest, which is the completion:

    [TIME] DETERMINER PERSON MOTION to the PLACE and
    FEELING [INTENSIFIER] adjective, then adverb verb POSSESSIVE OBJECT with [QUANTITY] noun [, wanting to wish].

    yesterday my sister walked to the forest and
    felt very afraid, then shakily avoided her dog with dread, wanting to hide.

Brackets mark parts that may be missing; with probability .75 (TIME), .6 (INTENSIFIER), .4 (QUANTITY) and .5 (the
wish) they are there, independently of everything else. A slot in capitals is drawn uniformly from its list in
`lexicon`; the POSSESSIVE alone has no choice: it agrees with the PERSON (sister: her).

The five slots in small letters carry the mood. Two of the six emotions rule a sentence:

    P(first | place) = .1 + .4 [first is the place's emotion],    P(second) = 1/6

and every emotional word is drawn, independently, from the first emotion's list with probability .55, from the
second's with .35, and from that of any of the six with .1, uniformly within the list of its slot (six words). So the
probability of a word w at such a slot is

    q(w) = .55 [w in list(first)] / 6 + .35 [w in list(second)] / 6 + .1 (number of lists that hold w) / 36

and that of a sentence

    P = product of the plain choices * sum over first, second of P(first | place) P(second) product_w q(w).

Every word has one slot only, so a text has at most one reading: the sum above is its exact probability, and a text
without a reading, of probability zero, is ungrammatical.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.suites.grammar import lexicon
from benchmark.suites.grammar.lexicon import EMOTIONS, STRENGTHS

GRAMMAR_VERSION = 1  # to be raised with every change of words, strengths, probabilities or rewards

FIRST, SECOND, ANY = 0.55, 0.35, 0.1  # probability that an emotional word comes from the list of ...
FLOOR, TILT = 0.1, 0.4
POSSESSIVE_OF = {person: possessive for possessive, persons in lexicon.PERSONS.items() for person in persons}
EMOTION_OF = {place: emotion for emotion, places in lexicon.PLACES.items() for place in places}


@dataclass(frozen=True)
class Slot:
    """One word out of `words`. The name says how it is chosen: a key of STRENGTHS by mood, `possessive` by agreement,
    any other uniformly. A fixed word is its own name."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Slots that stand together, there with `probability`."""

    slots: tuple[Slot, ...]
    probability: float = 1.0


def _emotional(slot: str) -> Slot:
    return Slot(slot, tuple(dict.fromkeys(word for words in STRENGTHS[slot].values() for word in words)))


def _fixed(text: str) -> tuple[Slot, ...]:
    return tuple(Slot(word, (word,)) for word in text.split())


OPENING = (
    Part((Slot("time", lexicon.TIMES),), 0.75),
    Part(
        (
            Slot("determiner", lexicon.DETERMINERS),
            Slot("person", tuple(POSSESSIVE_OF)),
            Slot("motion", lexicon.MOTIONS),
            *_fixed("to the"),
            Slot("place", tuple(EMOTION_OF)),
            *_fixed("and"),
        )
    ),
)
REST = (
    Part((Slot("feeling", lexicon.FEELINGS),)),
    Part((Slot("intensifier", tuple(lexicon.INTENSIFIERS)),), 0.6),
    Part(
        (
            _emotional("adjective"),
            *_fixed(", then"),
            _emotional("adverb"),
            _emotional("verb"),
            Slot("possessive", tuple(lexicon.PERSONS)),
            Slot("object", lexicon.OBJECTS),
            *_fixed("with"),
        )
    ),
    Part((Slot("quantity", tuple(lexicon.QUANTITIES)),), 0.4),
    Part((_emotional("noun"),)),
    Part((*_fixed(", wanting to"), _emotional("wish")), 0.5),
    Part(_fixed(".")),
)
LONGEST_OPENING = sum(len(part.slots) for part in OPENING)  # words
LONGEST_REST = sum(len(part.slots) for part in REST)
WORDS = tuple(dict.fromkeys(word for part in OPENING + REST for slot in part.slots for word in slot.words))

_SHARES = {  # P(word | slot, emotion), shape [emotions]
    word: np.array([(word in STRENGTHS[slot][emotion]) / len(STRENGTHS[slot][emotion]) for emotion in EMOTIONS])
    for slot in STRENGTHS
    for word in _emotional(slot).words
}


@dataclass(frozen=True)
class Sentence:
    """A sampled sentence as words (see `render`), and the two emotions that it was drawn from."""

    opening: list[str]
    rest: list[str]
    first: str
    second: str


@dataclass(frozen=True)
class Reading:
    """What the parser found: the word of every slot that is there, and log P of the two halves in nats."""

    words: dict[str, str]
    opening_log_probability: float
    rest_log_probability: float


def render(words: Iterable[str]) -> str:
    """Words as text: separated by spaces, none before a comma or a full stop."""
    return " ".join(words).replace(" ,", ",").replace(" .", ".")


def split_words(text: str) -> list[str]:
    """Text as words; every punctuation mark is one."""
    return re.findall(r"\w+|[^\w\s]", text)


def read(text: str) -> Reading | None:
    """The only reading of `text` as a whole sentence, or None where it is ungrammatical."""
    words = split_words(text)
    found: dict[str, str] = {}
    opening = _read_parts(OPENING, words, 0, found)
    end = None if opening is None else _read_parts(REST, words, opening[0], found)
    if opening is None or end is None or end[0] != len(words):
        return None
    if POSSESSIVE_OF[found["person"]] != found["possessive"]:
        return None
    return Reading(found, opening[1], end[1] + _mood_log_probability(found))


def grammatical(text: str) -> bool:
    """Whether `text` is a sentence of the language."""
    return read(text) is not None


def log_probability(text: str) -> float:
    """log P of a whole sentence, in nats; -inf where it is ungrammatical."""
    reading = read(text)
    return -math.inf if reading is None else reading.opening_log_probability + reading.rest_log_probability


def completion_log_probability(text: str) -> float:
    """log P of the completion given its opening, in nats, for a whole sentence; -inf where it is ungrammatical."""
    reading = read(text)
    return -math.inf if reading is None else reading.rest_log_probability


def _read_parts(
    parts: Sequence[Part], words: Sequence[str], at: int, found: dict[str, str]
) -> tuple[int, float] | None:
    """Reads `parts` from word `at` on: the position behind them and log P of the plain choices; None if they differ."""
    total = 0.0
    for part in parts:
        if part.probability < 1:
            there = at < len(words) and words[at] in part.slots[0].words
            total += math.log(part.probability if there else 1 - part.probability)
            if not there:
                continue
        for slot in part.slots:
            if at == len(words) or words[at] not in slot.words:
                return None
            if slot.name not in STRENGTHS and slot.name != "possessive":
                total -= math.log(len(slot.words))
            found[slot.name] = words[at]
            at += 1
    return at, total


def _mood_log_probability(found: dict[str, str]) -> float:
    """log of the sum over both emotions, for the emotional words of one sentence."""
    likelihood = np.ones((len(EMOTIONS), len(EMOTIONS)))
    for slot in STRENGTHS:
        if slot in found:
            share = _SHARES[found[slot]]
            likelihood *= FIRST * share[:, None] + SECOND * share[None, :] + ANY * share.mean()
    return math.log(float(_first(found["place"]) @ likelihood.sum(axis=1)) / len(EMOTIONS))


def _first(place: str) -> NDArray[np.float64]:
    """P(first | place), shape [emotions]."""
    return np.array([FLOOR + TILT * (EMOTION_OF[place] == emotion) for emotion in EMOTIONS])


def sample(count: int, random: np.random.Generator) -> list[Sentence]:
    """`count` independent sentences."""
    opening, drawn = _draw_parts(OPENING, count, random, {})
    drawn["possessive"] = np.array([POSSESSIVE_OF[person] for person in drawn["person"]], dtype=object)
    first, second = _draw_emotions(drawn["place"], random)
    for slot in STRENGTHS:
        drawn[slot] = _draw_emotional(slot, first, second, random)
    rest, _ = _draw_parts(REST, count, random, drawn)
    return [
        Sentence([word for word in left if word], [word for word in right if word], EMOTIONS[one], EMOTIONS[two])
        for left, right, one, two in zip(opening, rest, first, second, strict=True)
    ]


def sample_openings(count: int, random: np.random.Generator) -> list[str]:
    """`count` independent openings, as text."""
    return [render(filter(None, words)) for words in _draw_parts(OPENING, count, random, {})[0]]


Words = NDArray[np.object_]


def _draw_parts(
    parts: Sequence[Part], count: int, random: np.random.Generator, given: dict[str, Words]
) -> tuple[list[list[str]], dict[str, Words]]:
    """Rows of words, "" where a part is missing, and the drawn words by slot; slots in `given` are taken from there."""
    columns: list[Words] = []
    drawn = dict(given)
    for part in parts:
        there = random.random(count) < part.probability
        for slot in part.slots:
            if slot.name not in given:
                drawn[slot.name] = np.array(slot.words, dtype=object)[random.integers(len(slot.words), size=count)]
            columns.append(np.where(there, drawn[slot.name], ""))
    return np.stack(columns, axis=1).tolist(), drawn


def _draw_emotions(places: Words, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the first and the second emotion, shape [sentences] each."""
    count, size = len(places), len(EMOTIONS)
    own = np.array([EMOTIONS.index(EMOTION_OF[place]) for place in places])
    first = np.where(random.random(count) < TILT, own, random.integers(size, size=count))
    return first, random.integers(size, size=count)


def _draw_emotional(
    slot: str, first: NDArray[np.int64], second: NDArray[np.int64], random: np.random.Generator
) -> Words:
    """The words of one emotional slot, shape [sentences]."""
    lists = np.array([list(STRENGTHS[slot][emotion]) for emotion in EMOTIONS], dtype=object)  # [emotions, words]
    source = random.random(len(first))
    stray = random.integers(len(EMOTIONS), size=len(first))
    emotion = np.where(source < FIRST, first, np.where(source < FIRST + SECOND, second, stray))
    return lists[emotion, random.integers(lists.shape[1], size=len(first))]
