"""What suites of fixed pairs that people labelled must hold to: labels, held-out pairs, splits."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.contract.check import Check, expect
from benchmark.contract.worlds import SuiteSubject
from benchmark.suites.base import Split
from benchmark.suites.labelled import HeldOutPairs, Labels

HELD_OUT: tuple[Split, ...] = ("validation", "test")


def labels(subject: SuiteSubject) -> str:
    """There are labels to train on, of two different responses each, by groups that exist; always the same."""
    found, groups = subject.suite.labels(), len(subject.suite.objectives)
    expect(len(found), "at least one label to train on", "none")
    columns = [column for column in vars(found).values() if column is not None]
    expect({len(column) for column in columns} == {len(found)}, "columns of one length", str([*map(len, columns)]))
    known = (found.groups >= 0) & (found.groups < groups)
    expect(known.all(), f"groups numbered 0 to {groups - 1}", f"{found.groups[~known][:3]}")
    for prompt, chosen, rejected in zip(found.prompts, found.chosen, found.rejected, strict=True):
        expect(chosen != rejected, f"{prompt!r}: two different responses", f"{chosen!r} twice")
        expect(all(map(str.strip, (prompt, chosen, rejected))), "texts that are not blank", f"{prompt!r}, {chosen!r}")
    if found.times is not None:
        inside = (found.times >= 0) & (found.times <= 1)
        expect(inside.all(), "times in [0, 1]", f"{found.times[~inside][:3]}")
    expect(same(found, subject.make().labels()), "the same labels from another object", "others")
    return f"{len(found)} labels"


def held_out_pairs(subject: SuiteSubject) -> str:
    """Held-out pairs are different, each with an id; shares lie in [0, 1]; every pair and every group has some."""
    names = subject.suite.objectives
    for split in HELD_OUT:
        found = subject.suite.held_out(split)
        expect(len(found), f"{split}: at least one pair", "none")
        expect(len(set(found.ids)) == len(found), f"{split}: different ids", f"{len(set(found.ids))} of {len(found)}")
        pairs = [frozenset(pair) for pair in zip(found.prompts, found.first, found.second, strict=True)]
        expect(len(set(pairs)) == len(pairs), f"{split}: different pairs", f"{len(set(pairs))} of {len(pairs)}")
        shares, wanted = found.chose_first, (len(found), len(names))
        expect(shares.shape == wanted, f"{split}: shares of shape {list(wanted)}", f"{list(shares.shape)}")
        asked = ~np.isnan(shares)
        inside = ~asked | ((shares >= 0) & (shares <= 1))
        expect(inside.all(), f"{split}: shares in [0, 1], NaN where nobody was asked", f"{shares[~inside][:3]}")
        expect(asked.any(axis=1).all(), f"{split}: a group that labelled each pair", "a pair that nobody labelled")
        lacking = [name for name, there in zip(names, asked.any(axis=0), strict=True) if not there]
        expect(not lacking, f"{split}: pairs of {', '.join(names)}", f"none of {', '.join(lacking)}")
        expect(same(found, subject.make().held_out(split)), f"{split}: the same pairs from another object", "others")
    return ", ".join(f"{len(subject.suite.held_out(split))} {split}" for split in HELD_OUT)


def order(subject: SuiteSubject) -> str:
    """Which response is the first tells nothing of what people chose: the shares are not all on one side."""
    shares = np.concatenate([subject.suite.held_out(split).chose_first for split in HELD_OUT]).ravel()
    shares = shares[~np.isnan(shares)]
    expect((shares > 0.5).any() and (shares < 0.5).any(), "labels for first and for second responses", "one side only")
    return f"{np.mean(shares):.2f} chose the first"


def splits(subject: SuiteSubject) -> str:
    """No prompt, and no id, stands in two splits."""
    kept: dict[str, Any] = {"train": subject.suite.labels()}
    kept |= {split: subject.suite.held_out(split) for split in HELD_OUT}
    names = list(kept)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            shared = set(kept[one].prompts) & set(kept[other].prompts)
            if one != "train":
                shared |= set(kept[one].ids) & set(kept[other].ids)
            expect(not shared, f"{one} and {other} without a common prompt", ", ".join(map(repr, sorted(shared)[:3])))
    return ""


def train_pairs(subject: SuiteSubject) -> str:
    """There is at least one training pair."""
    count = subject.suite.train_pairs
    expect(isinstance(count, int) and count > 0, "a whole number above 0", repr(count))
    return f"{count}"


def label_settings(subject: SuiteSubject) -> str:
    """`labels_spec` differs where a setting changes labels or held-out pairs."""
    now, spec, seen = _all(subject.suite), subject.suite.labels_spec(), set()
    for name, other in subject.altered():
        if not all(same(one, two) for one, two in zip(now, _all(other), strict=True)):
            seen.add(name)
            expected = f"another labels_spec() where suite.{name} changes the labels"
            expect(other.labels_spec() != spec, expected, f"the same: {spec}")
    return ", ".join(sorted(seen)) or "no setting changes them"


def _all(suite: Any) -> list[Labels | HeldOutPairs]:
    return [suite.labels(), *(suite.held_out(split) for split in HELD_OUT)]


def same(one: Labels | HeldOutPairs, other: Labels | HeldOutPairs) -> bool:
    """Whether two tables hold the same."""
    return all(_equal(mine, vars(other)[name]) for name, mine in vars(one).items())


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return np.array_equal(one, other, equal_nan=True)
    return list(one) == list(other)


CHECKS = (
    Check("labels", labels, "Leave out ties, blank texts and what no group said; count them.", after=("presets",)),
    Check(
        "held-out pairs",
        held_out_pairs,
        "Return each pair once, with the share of every group's labels that chose the first response.",
        after=("presets", "objectives"),
    ),
    Check(
        "order",
        order,
        "Order the responses of a held-out pair by their texts, or by a hash, and not by the label.",
        after=("held-out pairs",),
    ),
    Check(
        "splits",
        splits,
        "Split by the prompt, for one by a hash of its text, so that all of its pairs lie on one side.",
        after=("labels", "held-out pairs"),
    ),
    Check("train pairs", train_pairs, "Return a number from the settings.", after=("presets",)),
    Check(
        "label settings",
        label_settings,
        "Put the setting into the spec, and the content of a file that it names (content_of): a run with another value "
        "would be served what is stored.",
        after=("labels", "held-out pairs", "specs"),
    ),
)
