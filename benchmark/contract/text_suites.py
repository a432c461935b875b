"""What every suite of texts must hold to: objectives, shifts, specs, and the reference policy."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.contract.check import Broken, Check, NotApplicable, expect
from benchmark.contract.worlds import Artefact, Made, SuiteSubject
from benchmark.core.errors import UserError
from benchmark.suites.base import Split
from benchmark.suites.presets import presets_of
from shifts.base import check_objectives, parse_shift

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
WORD = re.compile(r"[A-Za-z_][\w.-]*")  # what a call on the command line can hold
# Other columns of the tables in which rewards stand under the names of their objectives.
OF_CELL = {"cell_id", "split", "step", "prompt_id", "sample", "prompt", "completion"}
OF_SAMPLE = {"quality", "kl", "entropy", "reference_nats", "length", "ended"}
RESERVED = OF_CELL | OF_SAMPLE | {"first_chosen", "reference_logp"}
SPECS = (
    "policy_spec",
    "questions_spec",
    "prompts_spec",
    "labels_spec",
    "scoring_spec",
    "reward_model_spec",
    "judge_spec",
)
OF_SPLITS = ("questions_spec", "prompts_spec")


def objectives(subject: SuiteSubject) -> str:
    """Objectives are different names that a call can hold and no table uses already."""
    names = subject.suite.objectives
    expect(isinstance(names, tuple) and names, "a tuple of names", repr(names))
    wrong = [name for name in names if not isinstance(name, str) or not WORD.fullmatch(name)]
    expect(not wrong, "names of letters, digits, _, - and ., with a letter or _ at their start", repr(wrong))
    expect(len(set(names)) == len(names), "different names", ", ".join(names))
    taken = sorted(name for name in names if name in RESERVED or name.startswith(("gold_", "learned_")))
    expect(not taken, "names that are no column of samples.parquet", ", ".join(taken))
    return ", ".join(names)


def reward_ranges(subject: SuiteSubject) -> str:
    """Every objective, and nothing else, has a least and a greatest reward."""
    ranges, names = subject.suite.reward_ranges(), subject.suite.objectives
    expect(set(ranges) == set(names), f"ranges of {', '.join(names)}", ", ".join(ranges) or "none")
    for name, (low, high) in ranges.items():
        sound = math.isfinite(low) and math.isfinite(high) and low < high
        expect(sound, f"{name}: two finite numbers, the least one first", f"{low:g}, {high:g}")
    return ""


def train_shifts(subject: SuiteSubject) -> str:
    """The suite or every preset names training shifts that read the suite's objectives."""
    own = subject.suite.default_train_shifts()
    named = {"default_train_shifts": own} if own else {}
    for preset in presets_of(subject.cls):
        calls = subject.configuration(preset).train_shifts
        expect(own or calls, f"training shifts of the suite, or of preset {preset}", "none")
        named |= {f"preset {preset}": calls} if calls else {}
    known = ", ".join(subject.suite.objectives)
    for source, calls in named.items():
        try:
            for point in (point for call in calls for point in parse_shift(call)):
                check_objectives(point, subject.suite.objectives)
        except UserError as error:
            raise Broken(f"{source}: shifts over {known}", f"UserError: {error}") from error
    return "; ".join(own) or "by preset"


def specs(subject: SuiteSubject) -> str:
    """Specs are JSON, the same at every call and of every object, and differ between splits."""
    first, again, other = (dict(_specs(suite)) for suite in (subject.suite, subject.suite, subject.make()))
    for call, text in first.items():
        expect(again[call] == text, f"{call}: {text} at a second call", again[call])
        expect(other[call] == text, f"{call}: {text} of another object with the same settings", other[call])
    for name in OF_SPLITS:
        texts = [text for call, text in first.items() if call.startswith(name)]
        expect(len(set(texts)) == len(texts), f"{name} to differ between splits", "; ".join(texts))
    return ", ".join(dict.fromkeys(call.partition("(")[0] for call in first))


def _specs(suite: Any) -> Iterator[tuple[str, str]]:
    """Every spec that the suite has, as JSON, by its call."""
    for name in SPECS:
        function = getattr(suite, name, None)
        if function is None:
            continue
        for arguments in _arguments(name):
            call, spec = f"{name}({', '.join(map(repr, arguments))})", function(*arguments)
            try:
                yield call, json.dumps(spec, sort_keys=True, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise Broken(f"{call} as JSON", f"{spec!r}: {error}") from error


def _arguments(spec: str) -> Sequence[tuple[Any, ...]]:
    if spec in OF_SPLITS:
        return [(split,) for split in SPLITS]
    return [(0,), (1,)] if spec == "policy_spec" else [()]


def sizes(subject: SuiteSubject) -> str:
    """What the suite states of its sizes, for `plan`, has a number for every split."""
    stated = subject.suite.text_sizes()
    if stated is None:
        raise NotApplicable("the suite states no sizes: `plan` will guess")
    counts = [stated.prompts.get(split, 0) for split in SPLITS]
    expect(min(counts) > 0, f"numbers of prompts of {', '.join(SPLITS)}", str(dict(stated.prompts)))
    tokens = (stated.prompt_tokens, stated.completion_tokens, stated.longest)
    expect(min(tokens) > 0, "mean and greatest lengths above 0", str(tokens))
    return ", ".join(f"{count} {split}" for count, split in zip(counts, SPLITS, strict=True))


def policy(subject: SuiteSubject) -> str:
    """The reference policy is a transformers checkpoint with a tokenizer, a pad and an end-of-sequence token."""
    from benchmark.policies.checkpoints import load_policy

    built = subject.policy
    try:
        model, tokenizer = load_policy(built.folder)
    except UserError as error:
        raise Broken("a checkpoint that transformers reads, with a pad token of its own", str(error)) from error
    expect(tokenizer.eos_token_id is not None, "an end-of-sequence token", "none")
    return f"{sum(weight.numel() for weight in model.parameters()):,} weights, {built.seconds:.0f} s"


def policy_settings(subject: SuiteSubject) -> str:
    """`policy_spec` differs with every setting that `build_policy` reads and that makes another policy."""
    return expect_named(subject, subject.policy, "policy")


def expect_named(subject: SuiteSubject, built: Artefact, what: Made) -> str:
    """The spec of what was built differs with every setting that was read meanwhile, as far as it can be changed; where
    it does not, the same has to come out with the other value."""
    spec = f"{what}_spec"
    arguments = _arguments(spec)[0]
    now = getattr(subject.suite, spec)(*arguments)
    named, harmless = set(), set()
    for name, other in subject.altered():
        if name.partition(".")[0] not in built.read or name in harmless:
            continue
        if getattr(other, spec)(*arguments) != now:
            named.add(name.partition(".")[0])
            continue
        harmless.add(name)
        alike = subject.builds_alike(what, other)
        expect(alike, f"another {spec} where suite.{name} is another and build_{what} makes another", f"{now} of both")
    return ", ".join(sorted(named)) or "it names none that can be changed"


CHECKS = (
    Check(
        "objectives",
        objectives,
        "Return a tuple of different names of letters, digits and underscores; rename what a table has already.",
        after=("presets",),
    ),
    Check("reward ranges", reward_ranges, "Return {objective: (least, greatest)}.", after=("objectives",)),
    Check(
        "train shifts",
        train_shifts,
        'Return calls such as "annotator_groups(groups=a/b,fractions=0.9/0.1)" from default_train_shifts, or name '
        "train_shifts in the presets.",
        after=("objectives",),
    ),
    Check(
        "specs",
        specs,
        "Return a dict of numbers, texts and lists, made from settings, split or seed and the content of data alone.",
        after=("presets",),
    ),
    Check("sizes", sizes, "Give TextSizes a number above 0 for train, validation and test.", after=("presets",)),
)
POLICY_CHECKS = (
    Check(
        "policy",
        policy,
        "Save with save_policy(model, tokenizer, folder), or let train_scratch do all of it.",
        after=("presets",),
        slow=True,
    ),
    Check(
        "policy settings",
        policy_settings,
        "Put the setting into the spec: a run with another value would be served the policy that is stored.",
        after=("policy", "specs"),
        slow=True,
    ),
)
