"""The language: probabilities that can be redone by hand, sampling that follows them, and the exact rule."""

import math
from collections import Counter

import numpy as np
import pytest

from benchmark.suites.grammar.language import (
    WORDS,
    completion_log_probability,
    grammatical,
    log_probability,
    read,
    render,
    sample,
    split_words,
)
from benchmark.suites.grammar.lexicon import EMOTIONS, FEELINGS, INTENSIFIERS, OBJECTS, PERSONS, QUANTITIES, STRENGTHS

PLAIN = "my sister walked to the forest and felt very afraid, then slowly avoided her dog with dread."


@pytest.fixture(scope="module")
def sentences():
    return sample(4000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def texts(sentences):
    return [render(sentence.opening + sentence.rest) for sentence in sentences]


def test_the_lists_of_the_documented_rule():
    assert all(len(STRENGTHS[slot][emotion]) == 6 for slot in STRENGTHS for emotion in EMOTIONS)
    slots = [set().union(*STRENGTHS[slot].values()) for slot in STRENGTHS]
    assert sum(map(len, slots)) == len(set().union(*slots))  # no word has two slots
    assert 240 <= len(WORDS) <= 280


def test_probability_of_one_sentence_by_hand():
    # no TIME .25; determiner 1/3, person 1/18, motion 1/6, place 1/18; feeling 1/5; INTENSIFIER there .6, 1/6;
    # object 1/12; no QUANTITY .6; no wish .5.
    opening = 0.25 / (3 * 18 * 6 * 18)
    plain = (1 / 5) * (0.6 / 6) * (1 / 12) * 0.6 * 0.5
    # afraid, avoided, dread are words of fear alone, slowly of calm alone, each one of six in one list.
    # q of a word of emotion e: (.55 [first is e] + .35 [second is e]) / 6 + .1 / 36.
    both, first, second, stray = 0.9 / 6 + 0.1 / 36, 0.55 / 6 + 0.1 / 36, 0.35 / 6 + 0.1 / 36, 0.1 / 36
    # The forest is a place of fear: first is fear with .5, any other emotion with .1; second is any with 1/6.
    mood = 0.5 / 6 * (both**3 * stray + first**3 * second + 4 * first**3 * stray)  # second: fear, calm, four others
    mood += 0.1 / 6 * (second**3 * first + stray**3 * both + 4 * stray**3 * first)  # first is calm
    mood += 4 * 0.1 / 6 * (second**3 * stray + stray**3 * second + 4 * stray**4)  # first is one of four others
    assert log_probability(PLAIN) == pytest.approx(math.log(opening * plain * mood), rel=1e-12)
    assert completion_log_probability(PLAIN) == pytest.approx(math.log(plain * mood), rel=1e-12)


def _words_of(slot):
    return list(dict.fromkeys(word for words in STRENGTHS[slot].values() for word in words))


def _mood_probability(place_emotion, words):
    """P(moody words | place), written out anew from the documented rule; `words` by slot, the others summed out."""
    total = 0.0
    for first in EMOTIONS:
        for second in EMOTIONS:
            weight = (0.5 if first == place_emotion else 0.1) / 6
            for slot, word in words.items():
                of_first, of_second = (word in STRENGTHS[slot][emotion] for emotion in (first, second))
                lists = sum(word in STRENGTHS[slot][emotion] for emotion in EMOTIONS)
                weight *= (0.55 * of_first + 0.35 * of_second) / 6 + 0.1 * lists / 36
            total += weight
    return total


def test_moody_words_sum_to_their_marginal():
    """Summed over every adjective, adverb and noun, the probabilities leave that of the verb and the plain choices."""
    total = sum(
        math.exp(
            completion_log_probability(
                f"the son went to the fair and grew {adjective}, then {adverb} welcomed his cat with {noun}."
            )
        )
        for adjective in _words_of("adjective")
        for adverb in _words_of("adverb")
        for noun in _words_of("noun")
    )
    plain = (1 / 5) * 0.4 * (1 / 12) * 0.6 * 0.5
    assert total == pytest.approx(plain * _mood_probability("joy", {"verb": "welcomed"}), rel=1e-10)
    assert sum(_mood_probability("joy", {"verb": verb}) for verb in _words_of("verb")) == pytest.approx(1)


def test_the_wish_sums_out():
    start = "the son went to the fair and grew merry, then wildly welcomed his cat with worry"
    wishes = sum(math.exp(completion_log_probability(f"{start}, wanting to {wish}.")) for wish in _words_of("wish"))
    assert wishes == pytest.approx(math.exp(completion_log_probability(f"{start}.")), rel=1e-12)  # .5 each


def test_plain_choices_sum_out():
    total = sum(
        math.exp(
            completion_log_probability(
                f"my sister walked to the forest and {feeling} {strong}afraid, "
                f"then slowly avoided her {thing} with {much}dread."
            )
        )
        for feeling in FEELINGS
        for strong in ["", *(f"{word} " for word in INTENSIFIERS)]
        for thing in OBJECTS
        for much in ["", *(f"{word} " for word in QUANTITIES)]
    )
    words = {"adjective": "afraid", "adverb": "slowly", "verb": "avoided", "noun": "dread"}
    assert total == pytest.approx(0.5 * _mood_probability("fear", words), rel=1e-12)


def test_frequencies_follow_probabilities():
    """Chi-square of (adjective, noun) at the beach against their exact probabilities, at a fixed seed."""
    drawn = [s for s in sample(120_000, np.random.default_rng(3)) if "beach" in s.opening]
    readings = [read(render(s.opening + s.rest)).words for s in drawn]
    found = Counter((words["adjective"], words["noun"]) for words in readings)
    expected = {
        (adjective, noun): len(drawn) * _mood_probability("joy", {"adjective": adjective, "noun": noun})
        for adjective in _words_of("adjective")
        for noun in _words_of("noun")
    }
    assert sum(expected.values()) == pytest.approx(len(drawn), rel=1e-9)
    chi_square = sum((found[pair] - mean) ** 2 / mean for pair, mean in expected.items())
    freedom = len(expected) - 1
    assert abs(chi_square - freedom) < 4 * math.sqrt(2 * freedom)


def test_every_sampled_sentence_is_grammatical(texts):
    assert all(grammatical(text) for text in texts)
    assert all(math.isfinite(log_probability(text)) for text in texts)


@pytest.mark.parametrize("broken", ["dropped", "doubled", "swapped"])
def test_broken_sentences_are_found(texts, broken):
    random = np.random.default_rng(2)
    for text in texts[:500]:
        words = split_words(text)
        at = int(random.integers(len(words) - 1))
        if broken == "dropped":
            optional = {"time", "intensifier", "quantity"}
            if words[at] in {read(text).words.get(slot) for slot in optional}:
                continue
            del words[at]
        elif broken == "doubled":
            words.insert(at, words[at])
        else:
            words[at], words[at + 1] = words[at + 1], words[at]
        assert not grammatical(render(words)), render(words)
        assert log_probability(render(words)) == -math.inf


def test_rules_of_the_language():
    assert grammatical(PLAIN)
    assert not grammatical(PLAIN.replace(" her ", " his "))  # the possessive agrees with the person
    assert not grammatical(PLAIN.removesuffix("."))
    assert not grammatical(PLAIN + " dread.")
    assert not grammatical(PLAIN.replace("afraid", "dread"))  # a noun is no adjective
    assert not grammatical("")
    for possessive, persons in PERSONS.items():
        assert grammatical(PLAIN.replace("sister", persons[0]).replace(" her ", f" {possessive} "))


def test_place_tilts_the_first_emotion(sentences):
    joyful = [s.first for s in sentences if {"fair", "beach", "party"} & set(s.opening)]
    assert joyful.count("joy") / len(joyful) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(len(joyful)))


def test_entropy_estimate_is_stable(texts):
    """H = E[-log P] of completions: the plain choices alone are a sum that can be redone, the mood is bounded."""
    surprise = -np.array([completion_log_probability(text) for text in texts])

    def presence(p):
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    plain = (
        math.log(5)
        + math.log(12)
        + presence(0.6)
        + 0.6 * math.log(6)
        + presence(0.4)
        + 0.4 * math.log(4)
        + presence(0.5)
    )
    mood = surprise.mean() - plain
    assert 4.5 * math.log(6) < mood < 4.5 * math.log(36)  # 4.5 moody words on average, of one list or of any
    assert surprise.mean() == pytest.approx(21.53, abs=0.15)


def test_same_seed_same_sentences():
    assert sample(20, np.random.default_rng(4)) == sample(20, np.random.default_rng(4))
    assert sample(20, np.random.default_rng(4)) != sample(20, np.random.default_rng(5))
