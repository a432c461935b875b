"""No configuration and no result folder, however damaged, ends in a traceback or is taken for what it is not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli import MISTAKE, main
from benchmark.core.errors import UserError
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.runs.record import refused_where_unreadable
from tests.faults import hostile
from tests.faults.hostile import TABLES, damage, share
from tests.synthetic import METHODS, write_run

pytestmark = pytest.mark.slow


def answered(*arguments: str) -> tuple[int, str]:
    """Exit status and message of a command, which may not raise."""
    with redirect_stderr(StringIO()) as errors, redirect_stdout(StringIO()):
        status = main(list(arguments))
    return status, errors.getvalue()


@contextmanager
def room() -> Iterator[Path]:
    """A folder for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def plan(folder: Path, suite: str, *arguments: str) -> None:
    """Plan a run of a suite: it works, or it is refused in a message that is not long, and nothing is left behind."""
    out = ["--out", str(folder / "run"), "--store", str(folder / "store")]
    status, message = answered("plan", "--suite", suite, "--preset", "smoke", *out, *arguments)
    assert status in (0, MISTAKE) and (status == 0 or message.strip())
    assert len(message) < hostile.LONGEST_MESSAGE, len(message)


@share(0.16)
@given(
    st.dictionaries(st.one_of(st.sampled_from(hostile.KEYS), hostile.words, st.integers()), hostile.values, max_size=4)
)
def test_any_settings_in_a_file(settings: dict[Any, Any]) -> None:
    with room() as folder:
        try:
            (folder / "mine.yaml").write_text(yaml.dump(settings), encoding="utf-8")
        except (yaml.YAMLError, UnicodeEncodeError, ValueError):
            return  # no file can say this
        plan(folder, "toy_3d", "--config", str(folder / "mine.yaml"))


@share(0.1)
@given(st.one_of(st.binary(max_size=200), hostile.words.map(lambda word: word.encode("utf-8", "surrogatepass"))))
def test_any_bytes_as_a_configuration(content: bytes) -> None:
    with room() as folder:
        (folder / "mine.yaml").write_bytes(content)
        plan(folder, "toy_3d", "--config", str(folder / "mine.yaml"))


@share(0.16)
@given(st.sampled_from(["grammar", "toy_3d"]), hostile.options)
def test_any_options(suite: str, options: list[str]) -> None:
    with room() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        plan(folder, suite, *options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run as an earlier version wrote it, without checksums."""
    return write_run(tmp_path_factory.mktemp("hostile") / "run", seeds=2, prompts=10, methods=METHODS[:5])


@pytest.fixture(scope="module")
def sealed_run(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with checksums."""
    copy = Path(shutil.copytree(run, tmp_path_factory.mktemp("sealed") / "run"))
    hostile.seal(copy)
    return copy


@share(0.36)
@given(name=st.sampled_from([*TABLES, "environment.json"]), harm=hostile.damages)
def test_a_folder_with_checksums_is_refused_whatever_was_done_to_it(sealed_run: Path, name: str, harm: Any) -> None:
    with room() as folder:
        copy = Path(shutil.copytree(sealed_run, folder / "run"))
        if not damage(copy / name, *harm):
            return
        status, message = answered("report", str(copy), "--out", str(folder / "site"))
        assert status == MISTAKE and message.startswith("error: ") and len(message) < hostile.LONGEST_MESSAGE
        assert not (folder / "site" / "index.html").exists()


def read(folder: Path) -> None:
    """All of a run that is read before anything is computed, as `report` does; it may be refused."""
    try:
        with refused_where_unreadable([folder]):
            arenas_of(load_runs([folder])[0])
    except UserError as error:
        assert len(str(error)) < hostile.LONGEST_MESSAGE


@share(0.16)
@given(name=st.sampled_from([*TABLES, "environment.json"]), harm=hostile.damages)
def test_a_damaged_folder_without_checksums_ends_in_no_traceback(run: Path, name: str, harm: Any) -> None:
    with room() as folder:
        copy = Path(shutil.copytree(run, folder / "run"))
        damage(copy / name, *harm)
        read(copy)


@share(0.06)
@given(
    key=st.one_of(st.sampled_from(["suite", "objectives", "reward_ranges", "eval_shifts", "suite_facts"]), st.text()),
    value=st.one_of(st.just(...), hostile.values),
)
def test_any_record_of_a_run(run: Path, key: str, value: Any) -> None:
    with room() as folder:
        copy = Path(shutil.copytree(run, folder / "run"))
        try:
            hostile.change_record(copy, key, value)
        except (TypeError, ValueError, UnicodeEncodeError):
            return  # no JSON can say this
        read(copy)


SPOILT = {
    "a text among numbers": ("samples", lambda table: table.assign(joy="much")),
    "no row": ("samples", lambda table: table.iloc[:0]),
    "a seed that is none": ("cells", lambda table: table.assign(seed=float("nan"))),
    "hyper-parameters that are no JSON": ("cells", lambda table: table.assign(hparams="{")),
    "a shift that cannot be read": ("cells", lambda table: table.assign(train_shift="alpha_mixture(")),
    "infinite rewards": ("samples", lambda table: table.assign(joy=float("inf"))),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_table_is_refused(run: Path, tmp_path: Path, what: str) -> None:
    name, change = SPOILT[what]
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    change(pd.read_parquet(copy / f"{name}.parquet")).to_parquet(copy / f"{name}.parquet")
    status, message = answered("report", str(copy), "--out", str(tmp_path / "site"))
    assert status == MISTAKE and "Traceback" not in message and len(message) < hostile.LONGEST_MESSAGE


def test_a_grid_of_ten_million_points_is_refused_at_once(tmp_path: Path) -> None:
    for shifts in ("alpha_mixture(a=joy,b=sadness,alpha=0:1:1e-7)", "alpha_mixture(a=joy,b=sadness,alpha=0:1e7:1)"):
        status, message = answered("plan", "--train-shifts", shifts, "--out", str(tmp_path / "run"))
        assert status == MISTAKE and "at most 1000 are allowed" in message
    status, message = answered("plan", "--seeds", str(10**9), "--out", str(tmp_path / "run"))
    assert status == MISTAKE and "seeds" in message
    assert sys.getsizeof(message) < hostile.LONGEST_MESSAGE
