"""Gold rewards: the closed form, and orderings that a reader would expect."""

import math

import numpy as np
import pytest

from benchmark.suites.grammar.gold import gold_rewards, sums
from benchmark.suites.grammar.language import render, sample
from benchmark.suites.grammar.lexicon import OBJECTIVES

OPENING = "my sister walked to the office and"
CALM = f"{OPENING} felt quiet, then slowly watched her dog with care."
ANGRY = f"{OPENING} felt angry, then fiercely blamed her dog with rage."
VERY_ANGRY = f"{OPENING} felt very angry, then fiercely blamed her dog with rage."


def reward(text, objective):
    return gold_rewards([text])[0, OBJECTIVES.index(objective)]


def test_closed_form():
    # angry .8 (very: 1.5 times), fiercely .8, blamed .6, rage 1.0
    assert reward(ANGRY, "anger") == pytest.approx(1 / (1 + math.exp(-2.5 * (3.2 - 0.8))), rel=1e-12)
    assert reward(VERY_ANGRY, "anger") == pytest.approx(1 / (1 + math.exp(-2.5 * (3.6 - 0.8))), rel=1e-12)
    assert reward(CALM, "anger") == pytest.approx(1 / (1 + math.exp(2.0)), rel=1e-12)


def test_opposites_subtract_half():
    text = f"{OPENING} felt sad, then slowly watched her dog with great joy."  # sad .8; joy .9, great: 1.5 times
    assert dict(zip(OBJECTIVES, sums(text), strict=True)) == pytest.approx(
        {"anger": 0, "fear": 0, "joy": 1.35 - 0.4, "sadness": 0.8 - 0.675, "love": 0}
    )


def test_a_word_of_two_emotions_counts_for_both():
    assert sums("frantic")[:2] == pytest.approx([0.5, 0.7])


def test_orderings():
    assert reward(CALM, "anger") < reward(ANGRY, "anger") < reward(VERY_ANGRY, "anger")
    barely = ANGRY.replace("angry", "barely angry")
    assert reward(CALM, "anger") < reward(barely, "anger") < reward(ANGRY, "anger")
    assert reward(ANGRY, "anger") > max(reward(ANGRY, other) for other in OBJECTIVES if other != "anger")


def test_modifiers_count_only_directly_before_a_word():
    assert sums("very, angry")[0] == sums("angry very")[0] == sums("angry")[0]
    assert sums("very very angry")[0] == pytest.approx(1.5 * 0.8)


def test_ungrammatical_heaps_earn_reward():
    """Which is why grammaticality is judged beside the reward."""
    assert reward("rage rage rage rage", "anger") > 0.99


def test_shapes_and_range():
    texts = [render(s.opening + s.rest) for s in sample(2000, np.random.default_rng(0))]
    rewards = gold_rewards(texts)
    assert rewards.shape == (2000, 5) and rewards.min() > 0 and rewards.max() < 1
    assert gold_rewards([]).shape == (0, 5)


def test_a_mild_pair_and_a_pair_in_conflict():
    rewards = gold_rewards([render(s.opening + s.rest) for s in sample(4000, np.random.default_rng(0))])
    correlation = np.corrcoef(rewards.T)
    assert correlation[OBJECTIVES.index("anger"), OBJECTIVES.index("fear")] > 0.05
    assert correlation[OBJECTIVES.index("joy"), OBJECTIVES.index("sadness")] < -0.4
