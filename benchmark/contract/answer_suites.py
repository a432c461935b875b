"""What suites of finite answers must hold to: questions, answers, rewards, and how the policy reads them."""

from __future__ import annotations

import numpy as np

from benchmark.contract.check import Check, expect
from benchmark.contract.text_suites import SPLITS
from benchmark.contract.worlds import SuiteSubject
from benchmark.core.data import Floats
from benchmark.suites.answers import Questions


def questions(subject: SuiteSubject) -> str:
    """Every split has questions, each with an id of its own and at least two different answers; always the same."""
    for split in SPLITS:
        asked, again = subject.suite.questions(split), subject.make().questions(split)
        expect(len(asked), f"{split}: at least one question", "none")
        lengths = {len(column) for column in (asked.ids, asked.prompts, asked.answers, asked.rewards)}
        expect(lengths == {len(asked)}, f"{split}: as many prompts, answers and rewards as ids", str(sorted(lengths)))
        expect(len(set(asked.ids)) == len(asked), f"{split}: different ids", f"{len(set(asked.ids))} of {len(asked)}")
        for prompt, answers in zip(asked.prompts, asked.answers, strict=True):
            different = len(answers) >= 2 and len(set(answers)) == len(answers)
            expect(different, f"{split}, {prompt!r}: at least two answers, all different", str(answers))
            said = all(map(str.strip, (prompt, *answers)))
            expect(said, f"{split}: texts that are not blank", f"{prompt!r}, {answers}")
        expect(same(asked, again), f"{split}: the same questions from another object", "others")
    return ", ".join(f"{len(subject.suite.questions(split))} {split}" for split in SPLITS)


def splits(subject: SuiteSubject) -> str:
    """No question, and no id, stands in two splits."""
    asked = {split: subject.suite.questions(split) for split in SPLITS}
    for number, one in enumerate(SPLITS):
        for other in SPLITS[number + 1 :]:
            shared = set(asked[one].prompts) & set(asked[other].prompts) or set(asked[one].ids) & set(asked[other].ids)
            expect(not shared, f"{one} and {other} without a common question", ", ".join(map(repr, sorted(shared)[:3])))
    return ""


def rewards(subject: SuiteSubject) -> str:
    """Rewards are a number per answer and objective inside its range; NaN for all answers, or for none."""
    names, ranges = subject.suite.objectives, subject.suite.reward_ranges()
    for split in SPLITS:
        asked = subject.suite.questions(split)
        for prompt, answers, own in zip(asked.prompts, asked.answers, asked.rewards, strict=True):
            shape, wanted = np.shape(own), (len(answers), len(names))
            expect(shape == wanted, f"{split}, {prompt!r}: rewards of shape {list(wanted)}", f"{list(shape)}")
            for column, name in enumerate(names):
                _inside(own[:, column], ranges[name], f"{split}, {prompt!r}: {name}")
        known = [name for column, name in enumerate(names) if any(not np.isnan(r[0, column]) for r in asked.rewards)]
        expect(len(known) == len(names), f"{split}: a question for each of {', '.join(names)}", ", ".join(known))
    return ""


def _inside(values: Floats, ends: tuple[float, float], what: str) -> None:
    low, high = ends
    unknown = np.isnan(values)
    expect(unknown.all() or not unknown.any(), f"{what} of all answers, or of none", f"{values}")
    inside = unknown | ((values >= low) & (values <= high))
    expect(inside.all(), f"{what} in [{low:g}, {high:g}]", f"{values[~inside]}")


def train_pairs(subject: SuiteSubject) -> str:
    """There is at least one training pair."""
    count = subject.suite.train_pairs
    expect(isinstance(count, int) and count > 0, "a whole number above 0", repr(count))
    return f"{count}"


def question_settings(subject: SuiteSubject) -> str:
    """`questions_spec` differs where a setting changes the questions."""
    now = {split: (subject.suite.questions(split), subject.suite.questions_spec(split)) for split in SPLITS}
    seen = set()
    for name, other in subject.altered():
        for split, (asked, spec) in now.items():
            if not same(asked, other.questions(split)):
                seen.add(name)
                expected = f"another questions_spec({split!r}) where suite.{name} changes the questions"
                expect(other.questions_spec(split) != spec, expected, f"the same: {spec}")
    return ", ".join(sorted(seen)) or "no setting changes them"


def same(one: Questions, other: Questions) -> bool:
    """Whether two sets of questions hold the same."""
    texts = (one.ids, one.prompts, one.answers) == (other.ids, other.prompts, other.answers)
    return texts and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one.rewards, other.rewards, strict=True))


def tokens(subject: SuiteSubject) -> str:
    """The policy reads every question and tells its answers apart, and its positions suffice."""
    from benchmark.policies.checkpoints import load_config, load_tokenizer, opening
    from benchmark.policies.encoding import encode_texts

    tokenizer = load_tokenizer(subject.policy.folder)
    most = getattr(load_config(subject.policy.folder), "max_position_embeddings", None)
    longest = 0
    for split in SPLITS:
        asked = subject.suite.questions(split)
        rows = encode_texts(tokenizer, asked.prompts)
        for prompt, answers, read in zip(asked.prompts, asked.answers, rows, strict=True):
            given = encode_texts(tokenizer, answers)
            expect(read and all(given), f"{split}, {prompt!r}: at least one token each", f"{read}, {given}")
            apart = len({tuple(row) for row in given}) == len(given)
            expect(apart, f"{split}, {prompt!r}: different tokens for different answers", f"{answers} as {given}")
            longest = max(longest, len(opening(tokenizer)) + len(read) + max(map(len, given)) + 1)
    expect(most is None or longest <= most, f"at most {most} tokens of a question with an answer", f"{longest}")
    return f"at most {longest} tokens"


CHECKS = (
    Check(
        "questions",
        questions,
        "Return the same questions at every call, each with an id, a prompt and two or more different answers.",
        after=("presets",),
    ),
    Check(
        "splits",
        splits,
        "Split by the question, for one by a hash of its text, so that all of it lies on one side.",
        after=("questions",),
    ),
    Check(
        "rewards",
        rewards,
        "Return one array per question, shape [answers, objectives]; NaN where an objective was not asked it.",
        after=("questions", "objectives", "reward ranges"),
    ),
    Check("train pairs", train_pairs, "Return a number from the settings.", after=("presets",)),
    Check(
        "question settings",
        question_settings,
        "Put the setting into the spec, and the content of a file that it names (content_of): a run with another value "
        "would be served what is stored.",
        after=("questions", "specs"),
    ),
)
SLOW_CHECKS = (
    Check(
        "tokens",
        tokens,
        "Train the tokenizer on all answers with a larger vocabulary or on byte pairs, or shorten the texts.",
        after=("policy", "questions"),
        slow=True,
    ),
)
