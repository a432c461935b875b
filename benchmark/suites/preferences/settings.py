"""Settings of the suite, `suite.KEY` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.core.errors import unknown
from benchmark.core.settings import checked
from benchmark.suites.common import SuiteSettings
from benchmark.suites.policy_settings import FineTuneSettings, PolicySettings, ScratchSettings
from benchmark.suites.preferences.columns import Columns


class DataSettings(SuiteSettings):
    """Where the pairs are and what their columns say; `prefshift inspect` takes these alone."""

    data_file: list[Path] = Field([], description="json, jsonl, csv (each also .gz) or parquet; or a list of them")
    hub_id: str | None = Field(None, description="a data set of the hub, where no file is named")
    revision: str | None = Field(None, description="of the data set on the hub; None: the format's, or its newest")
    config: str | None = Field(None, description="of the data set on the hub; None: the format's")
    folders: list[str] = Field([], description="data_dir on the hub; each is a `subset`; none: the format's")
    format: str = Field("auto", description="a ready-made format, or plain; auto: by the columns")
    columns: Columns = Field(Columns(), description="names of columns, suite.columns.KEY")
    annotators_file: Path | None = Field(
        None, description="a row per annotator, joined by columns.annotator; its columns can be groups"
    )
    group_bins: int | None = Field(None, ge=2, description="cut a group column of numbers into so many ranges")

    @field_validator("data_file", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [] if value is None else [value]


def data_settings(source: str, given: Mapping[str, Any]) -> DataSettings:
    """Settings that name `source`, a file or else a data set of the hub, with those of the section `suite` of `given`.
    Settings of a run that say nothing of the data are left aside.

    Raises:
        UserError: another section, a setting that there is not, or a value that is not allowed.
    """
    if others := given.keys() - {"suite"}:
        raise unknown("section of settings", sorted(others)[0], ["suite"])
    own = {key: value for key, value in given.get("suite", {}).items() if key not in _OF_A_RUN}
    file = Path(source).is_file() or Path(source).suffix in (".json", ".jsonl", ".csv", ".parquet", ".gz")
    return checked(DataSettings, {"data_file" if file else "hub_id": source, **own}, "suite.")


class PreferencesSettings(DataSettings, PolicySettings):
    """Settings of the suite `preferences`."""

    groups: int | list[str] = Field(2, description="how many of the largest groups, or their names")
    validation_share: float = Field(0.15, gt=0, lt=1, description="of the prompts, where the data has no such split")
    test_share: float = Field(0.15, gt=0, lt=1, description="of the prompts, likewise")
    template: str = Field("{prompt}\n\nAssistant:", description="what the policy reads; a response follows it")
    train_pairs: int = Field(8192, gt=0, description="labels to train on, at most; no more than there are")
    held_out_pairs: int = Field(1000, gt=0, description="of a group in validation and in test, at most")
    pairs_per_prompt: int = Field(
        1, gt=0, description="held-out pairs of a prompt, at most; intervals take pairs for independent"
    )
    policy: str = Field("scratch", min_length=1, description="scratch, or hub id or folder of a causal language model")
    policy_texts: int = Field(20000, gt=0, description="training responses that the policy is fitted to, at most")
    fit: Literal["both", "chosen"] = Field("both", description="the responses that the policy is fitted to")
    max_length: int = Field(512, gt=8, description="tokens of a prompt with a response; longer pairs are left out")
    tokens: Literal["words", "byte_pairs"] = Field("words", description="of a scratch policy; words are English ones")
    scratch: ScratchSettings = ScratchSettings(
        vocabulary=4000, width=128, layers=2, heads=4, feed_forward=256, dropout=0.0, epochs=3, batch_size=32
    )
    finetune: FineTuneSettings = FineTuneSettings(epochs=1, learning_rate=1e-5)

    @field_validator("template")
    @classmethod
    def _has_prompt(cls, value: str) -> str:
        if "{prompt}" not in value:
            raise ValueError(f"must contain {{prompt}}, got {value!r}")
        return value

    @field_validator("groups", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return list(map(str, value)) if isinstance(value, list) else value  # YAML takes [1990, 2000] for numbers

    @field_validator("groups")
    @classmethod
    def _two_groups(cls, value: int | list[str]) -> int | list[str]:
        if isinstance(value, int) and value < 2:
            raise ValueError(f"at least two groups are needed, got {value}")
        return value

    @model_validator(mode="after")
    def _leaves_training(self) -> PreferencesSettings:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share must leave prompts for training")
        return self


_OF_A_RUN = PreferencesSettings.model_fields.keys() - DataSettings.model_fields.keys()
