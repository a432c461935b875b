"""Suites of texts that break one promise of the contract each, such as every suite of texts makes."""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from pydantic import BaseModel, Field

from benchmark.suites import TextSizes

from .breaking import breaks
from .tiny_suites import PLACES, SHIFT, TinyAnswers, TinySettings

calls = count()


@breaks("name")
class Capital(TinyAnswers):
    """A name that is awkward in a shell."""

    name = "Broken_Capital"


@breaks("name")
class Borrowed(TinyAnswers):
    """A method's name."""

    name = "dpo"


@breaks("documented")
class Silent(TinyAnswers):
    """Has a setting that nothing says anything about."""

    name = "broken_silent"

    class Settings(TinySettings):
        """More settings."""

        mystery: int = 3


@breaks("documented")
class Mute(TinyAnswers):
    name = "broken_mute"


@breaks("presets")
class Large(TinyAnswers):
    """Nothing small to try."""

    name = "broken_large"
    presets: ClassVar = {"quick": {"methods": ["dpo"]}}


@breaks("presets")
class Misspelt(TinyAnswers):
    """A preset with a key that is none."""

    name = "broken_misspelt"
    presets: ClassVar = {"smoke": {"methods": ["dpo"], "sedes": 3}}


@breaks("presets")
class NoSuchMethod(TinyAnswers):
    """A preset with a method that is none."""

    name = "broken_no_such_method"
    presets: ClassVar = {"smoke": {"methods": ["dpo"]}, "quick": {"methods": ["dpoo"]}}


@breaks("settings")
class Lenient(TinyAnswers):
    """Takes any key."""

    name = "broken_lenient"

    class Settings(BaseModel):
        """Of pydantic's own kind."""

        strength: float = Field(0.8, description="reward of the favourite")


@breaks("describe")
class Numbers(TinyAnswers):
    """Facts that are no words."""

    name = "broken_numbers"

    def describe(self):
        return {"questions": 9}


@breaks("describe")
class Moody(TinyAnswers):
    """Other facts at every call."""

    name = "broken_moody"

    def describe(self):
        return {"data": f"call {next(calls)}"}


@breaks("skip")
class Wordless(TinyAnswers):
    """Skips without a reason."""

    name = "broken_wordless"

    def skip(self, method):
        return ""


@breaks("skip")
class Untrained(TinyAnswers):
    """Trains nothing of its preset."""

    name = "broken_untrained"

    def skip(self, method):
        return "it is too early" if method.trains else None


@breaks("objectives")
class Slash(TinyAnswers):
    """A name that no call can hold."""

    name = "broken_slash"

    @property
    def objectives(self):
        return ("yes", "no/never")


@breaks("objectives")
class Twice(TinyAnswers):
    """The same name twice."""

    name = "broken_twice"

    @property
    def objectives(self):
        return ("yes", "yes")


@breaks("objectives")
class Column(TinyAnswers):
    """A name that the table of samples has already."""

    name = "broken_column"

    @property
    def objectives(self):
        return ("yes", "length")


@breaks("reward ranges")
class Halved(TinyAnswers):
    """No range of one objective."""

    name = "broken_halved"

    def reward_ranges(self):
        return {"yes": (0.0, 1.0)}


@breaks("reward ranges")
class Reversed(TinyAnswers):
    """The greatest reward first."""

    name = "broken_reversed"

    def reward_ranges(self):
        return {"yes": (0.0, 1.0), "no": (1.0, 0.0)}


@breaks("train shifts")
class Stray(TinyAnswers):
    """A shift over an objective that is none."""

    name = "broken_stray"

    def default_train_shifts(self):
        return [SHIFT.replace("yes", "perhaps")]


@breaks("train shifts")
class Shiftless(TinyAnswers):
    """None of its own, and none in the preset."""

    name = "broken_shiftless"

    def default_train_shifts(self):
        return []


@breaks("specs")
class NoJson(TinyAnswers):
    """A set."""

    name = "broken_no_json"

    def questions_spec(self, split):
        return {"split": split, "things": set(PLACES[split])}


@breaks("specs")
class Counting(TinyAnswers):
    """Another spec at every call."""

    name = "broken_counting"

    def policy_spec(self, seed):
        return {"seed": seed, "call": next(calls)}


@breaks("specs")
class Whole(TinyAnswers):
    """One spec for all splits."""

    name = "broken_whole"

    def questions_spec(self, split):
        return {"questions": 9}


@breaks("sizes")
class Sized(TinyAnswers):
    """Sizes without a split."""

    name = "broken_sized"

    def text_sizes(self):
        return TextSizes({"train": 5, "test": 2}, 6.0, 1.0, 1.0)


@breaks("policy")
class Empty(TinyAnswers):
    """A folder with nothing in it."""

    name = "broken_empty"

    def build_policy(self, seed, folder, progress):
        pass


@breaks("policy settings")
class Forgetful(TinyAnswers):
    """Trains by a setting that the spec does not name."""

    name = "broken_forgetful"

    def policy_spec(self, seed):
        return {"seed": seed}
