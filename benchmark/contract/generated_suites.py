"""What suites whose completions are scored must hold to: prompts, reward model, judge, and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.contract.check import Broken, Check, NotApplicable, expect, expect_close, measured
from benchmark.contract.completions import completions
from benchmark.contract.text_suites import SPLITS, expect_named
from benchmark.contract.worlds import SuiteSubject
from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.suites.generated import Scores

SCORED = 24  # completions
ROUNDING = 1e-5  # of scores across batches, relative to the greatest


def prompts(subject: SuiteSubject) -> str:
    """Every split has prompts with different ids and at least one token each; always the same."""
    for split in SPLITS:
        found, again = (suite.prompts(split, subject.policy.folder) for suite in (subject.suite, subject.make()))
        expect(len(found), f"{split}: at least one prompt", "none")
        lengths = {len(column) for column in (found.ids, found.texts, found.tokens)}
        expect(lengths == {len(found)}, f"{split}: as many texts and tokens as ids", str(sorted(lengths)))
        expect(len(set(found.ids)) == len(found), f"{split}: different ids", f"{len(set(found.ids))} of {len(found)}")
        expect(all(map(len, found.tokens)), f"{split}: at least one token each", "a prompt without any")
        expect(found == again, f"{split}: the same prompts from another object", "others")
    return ", ".join(f"{len(subject.suite.prompts(split, subject.policy.folder))} {split}" for split in SPLITS)


def splits(subject: SuiteSubject) -> str:
    """No id stands in two splits."""
    found = {split: subject.suite.prompts(split, subject.policy.folder) for split in SPLITS}
    for number, one in enumerate(SPLITS):
        for other in SPLITS[number + 1 :]:
            shared = sorted(set(found[one].ids) & set(found[other].ids))
            expect(not shared, f"{one} and {other} without a common id", ", ".join(shared[:3]))
    return ""


def prompt_settings(subject: SuiteSubject) -> str:
    """`prompts_spec` differs where a setting changes the prompts."""
    folder = subject.policy.folder
    now = {split: (subject.suite.prompts(split, folder), subject.suite.prompts_spec(split)) for split in SPLITS}
    seen = set()
    for name, other in subject.altered():
        for split, (found, spec) in now.items():
            try:
                changed = other.prompts(split, folder) != found
            except UserError:  # more prompts than there are texts, for one
                continue
            if changed:
                seen.add(name)
                expected = f"another prompts_spec({split!r}) where suite.{name} changes the prompts"
                expect(other.prompts_spec(split) != spec, expected, f"the same: {spec}")
    return ", ".join(sorted(seen)) or "no setting changes them"


def reward_model(subject: SuiteSubject) -> str:
    """The reward model can be built, and its spec differs with every setting that makes another."""
    built = subject.reward_model
    return f"{built.seconds:.0f} s; {expect_named(subject, built, 'reward_model')}"


def judge(subject: SuiteSubject) -> str:
    """The judge can be built, and its spec differs with every setting that makes another."""
    built = subject.judge
    if built is None:
        raise NotApplicable("gold is computed from the text: there is no judge")
    return f"{built.seconds:.0f} s; {expect_named(subject, built, 'judge')}"


def scores(subject: SuiteSubject) -> str:
    """Completions get a learned and a gold reward inside its range per objective, and pass the gate or do not. Gold of
    an objective that has no judge is NaN for all of them."""
    asked, texts = _completions(subject)
    found, names = _scored(subject, asked, texts), subject.suite.objectives
    for side in ("learned", "gold"):
        values, shape = np.asarray(getattr(found, side)), (len(texts), len(names))
        expect(values.shape == shape, f"{side} rewards of shape {list(shape)}", str(list(values.shape)))
        for column, name in enumerate(names):
            low, high = subject.suite.reward_ranges()[name]
            own = values[:, column]
            inside = (own >= low) & (own <= high)  # written so that NaN is not
            unjudged = side == "gold" and bool(np.isnan(own).all())
            expect(unjudged or inside.all(), f"{side} {name} in [{low:g}, {high:g}]", f"{own[~inside][:3]}")
    quality = np.asarray(found.quality)
    sound = quality.shape == (len(texts),) and quality.dtype == np.bool_
    expect(sound, f"quality as {len(texts)} bools", f"{quality.dtype} of shape {list(quality.shape)}")
    return f"{len(texts)} completions, an empty one among them"


def own_text(subject: SuiteSubject) -> str:
    """A score is that of its own text: the same again, and in another order among fewer."""
    asked, texts = _completions(subject)
    whole, again = _scored(subject, asked, texts), _scored(subject, asked, texts)
    order = np.arange(len(texts))[::-1][: max(1, len(texts) // 2)]
    part = _scored(subject, [asked[row] for row in order], [texts[row] for row in order])
    worst = 0.0
    for side in ("learned", "gold", "quality"):
        values, second, some = (_known(getattr(scores, side)) for scores in (whole, again, part))
        expect_close(second, values, 0.0, f"{side} at a second call")
        what = f"{side} among other completions, in another order"
        worst = max(worst, expect_close(some, values[order], ROUNDING, what))
    return measured(worst)


def _known(scores: Any) -> Floats:
    """The scores; 0 where there is no judge, which is so for all completions of an objective (`scores`)."""
    return np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=0.0)


def _scored(subject: SuiteSubject, asked: Sequence[str], texts: Sequence[str]) -> Scores:
    judge = subject.judge
    scored: Any = subject.suite.score(asked, texts, subject.reward_model.folder, judge and judge.folder)
    expect(isinstance(scored, Scores), "Scores", repr(scored))
    return scored  # type: ignore[no-any-return]


def _completions(subject: SuiteSubject) -> tuple[list[str], list[str]]:
    """Prompts, and what the reference policy says to each; to the last one it says nothing."""
    try:
        asked, texts = completions(subject.suite, subject.policy.folder, "validation", SCORED)
    except UserError as error:
        raise Broken("prompts that the policy can continue by max_new_tokens", str(error)) from error
    return asked, [*texts[:-1], ""]


CHECKS = (
    Check(
        "prompts",
        prompts,
        "Return the same prompts at every call, tokenised for the policy in the folder that is given.",
        after=("policy",),
        slow=True,
    ),
    Check("splits", splits, "Put the split into the id.", after=("prompts",), slow=True),
    Check(
        "prompt settings",
        prompt_settings,
        "Put the setting into the spec: a run with another value would be served completions that are stored.",
        after=("prompts", "specs"),
        slow=True,
    ),
    Check(
        "reward model",
        reward_model,
        "Put the setting into the spec: a run with another value would be served the model that is stored.",
        after=("specs",),
        slow=True,
    ),
    Check(
        "judge",
        judge,
        "Put the setting into the spec: a run with another value would be served the judge that is stored.",
        after=("specs",),
        slow=True,
    ),
    Check(
        "scores",
        scores,
        "Return Scores with a row per completion and a column per objective, in their order, clipped to reward_ranges.",
        after=("prompts", "reward model", "judge", "objectives", "reward ranges"),
        slow=True,
    ),
    Check(
        "own text",
        own_text,
        "Score every text by itself: no mean, no rank and no random number over the batch.",
        after=("scores",),
        slow=True,
    ),
)
