"""Where models and data sets are found, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core import hub
from benchmark.core.errors import UserError
from benchmark.core.hub import Needed, check_offline, dataset_source, located, refusal, use_mirror
from benchmark.suites.sources import dataset_spec, source_spec


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror with one model, and nothing left of it afterwards."""
    monkeypatch.setenv(hub.MIRROR, "")
    folder = tmp_path / "mirror"
    (folder / "ORG" / "NAME").mkdir(parents=True)
    (folder / "ORG" / "NAME" / "config.json").write_text("{}")
    use_mirror(folder)
    return folder


def test_a_mirror_comes_after_folders_and_before_the_hub(mirror, tmp_path, monkeypatch):
    assert located("ORG/NAME") == mirror / "ORG" / "NAME"
    assert located("ORG/OTHER") is None and located("ORG/../ORG/NAME") is None
    here = tmp_path / "here"
    (here / "ORG" / "NAME").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert located("ORG/NAME") == (here / "ORG" / "NAME").resolve()
    assert dataset_source("ORG/NAME", "main") == {"path": str(here / "ORG" / "NAME")}
    assert dataset_source("ORG/OTHER", "main") == {"path": "ORG/OTHER", "revision": "main"}


def test_without_a_mirror_an_id_is_the_hubs(mirror):
    use_mirror(None)
    assert located("ORG/NAME") is None
    with pytest.raises(UserError, match=r"hub.mirror: .*nowhere' is not a folder"):
        use_mirror(Path("nowhere"))


def test_what_lies_in_a_mirror_is_known_by_its_content(mirror):
    """A stand-in shares no artefact with what it stands for."""
    first, data = source_spec("ORG/NAME"), dataset_spec("ORG/NAME", None)
    assert source_spec("ORG/OTHER") == {"hub": "ORG/OTHER"}
    assert dataset_spec("ORG/OTHER", "r") == {"hub": "ORG/OTHER", "revision": "r"}
    (mirror / "ORG" / "NAME" / "other.json").write_text("{}")
    assert source_spec("ORG/NAME") != first and dataset_spec("ORG/NAME", None) != data


def test_offline_lists_all_that_is_missing(mirror, monkeypatch, tmp_path):
    (tmp_path / "prompts.jsonl").write_text("")
    wanted = [
        Needed("ORG/NAME", "model", "suite.policy"),
        Needed("ORG/ONE", "model", "suite.objectives.a"),
        Needed("ORG/TWO", "dataset", "suite.prompts.source"),
        Needed(str(tmp_path / "prompts.jsonl"), "dataset", "suite.prompts.source"),
    ]
    monkeypatch.setenv(hub.OFFLINE, "1")
    with pytest.raises(UserError) as caught:
        check_offline(wanted)
    assert [line.strip() for line in str(caught.value).splitlines()[1:3]] == [
        "model 'ORG/ONE' (suite.objectives.a)",
        "dataset 'ORG/TWO' (suite.prompts.source)",
    ]
    monkeypatch.setenv(hub.OFFLINE, "0")
    check_offline(wanted)


def test_a_gated_model_says_what_to_do():
    import httpx
    from huggingface_hub.errors import GatedRepoError

    response = httpx.Response(403, request=httpx.Request("GET", "https://hub"))
    try:
        try:
            raise GatedRepoError("no access", response=response)
        except GatedRepoError as inner:
            raise OSError("You are trying to access a gated repo.\nSee its page.") from inner
    except OSError as error:
        assert "HF_TOKEN" in refusal(error) and "\n" not in refusal(error)
    assert refusal(OSError("one\ntwo")) == "OSError: one"
