"""Tasks are found and built before anything trains; what is missing is named, and what changes them changes the key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from benchmark.core.errors import UserError
from benchmark.harness.found import FoundTasks, ShownTask, find_tasks
from benchmark.harness.lacking import _leaves, build, manager_of
from benchmark.harness.settings import LmEvalSettings
from tests.harness.emotion_tasks import ANSWER, BOARD, CHOICE, GROUP, write, write_tasks
from tests.suites.emotion_texts import write_texts


def found(folder: Path, *names: str) -> FoundTasks:
    """Anew, whatever this process has found before."""
    return find_tasks.__wrapped__(LmEvalSettings(tasks=names, include_path=str(folder)))


def spoil(folder: Path, name: str, **changes: object) -> None:
    task = json.loads((folder / f"{name}.yaml").read_text())
    write(folder, name, {**task, **changes})


def test_a_group_stands_for_itself_and_one_of_groups_for_its_groups(tasks: Path) -> None:
    choice, answer = ShownTask(GROUP, "acc", True), ShownTask(ANSWER, "exact_match", True)
    assert found(tasks, BOARD).shown == (choice, answer)
    assert found(tasks, CHOICE).shown == (ShownTask(CHOICE, "acc", True),)
    assert set(found(tasks, BOARD).built["tasks"]) == {CHOICE, ANSWER}


def test_the_identity_is_of_content_and_not_of_place(tmp_path: Path) -> None:
    """The questions, the task's settings and any file beside it count; where they lie does not."""
    folders = [write_tasks((tmp_path / name).resolve()) for name in ("a", "b") if not (tmp_path / name).mkdir()]
    one, other = (found(folder, CHOICE).identity["tasks"] for folder in folders)
    assert one == other
    spoil(folders[1], CHOICE, doc_to_text="{{text}} so :")
    assert found(folders[1], CHOICE).identity["tasks"] != one
    before = found(folders[0], CHOICE).identity
    (folders[0] / "utils.py").write_text("LEAST = 3\n")
    beside = found(folders[0], CHOICE).identity
    assert beside["tasks"] == before["tasks"] and beside["files"] != before["files"]
    (folders[0] / "test.txt").write_text("i feel merry about my dog;joy\n")
    assert found(folders[0], CHOICE).identity["tasks"] != before["tasks"]


def test_a_package_that_is_not_there_is_named_with_the_extra(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    (folder / "own.py").write_text("import a_package_that_nobody_has\n\ndef text(doc):\n    return doc['text']\n")
    with_function = (folder / f"{CHOICE}.yaml").read_text().replace('"{{text}} :"', "!function own.text")
    (folder / f"{CHOICE}.yaml").write_text(with_function)
    with pytest.raises(UserError, match=rf"{CHOICE}: the package 'a_package_that_nobody_has' is not.*extra 'tasks'"):
        found(folder, BOARD)


def test_data_that_is_not_there_is_said_for_every_task(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    for name in (CHOICE, ANSWER):
        spoil(folder, name, dataset_kwargs={"data_files": str(folder / "gone.txt")})
    with pytest.raises(UserError, match=r"its data cannot be had.*gone\.txt") as error:
        found(folder, BOARD)
    assert all(f"\n  {name}: " in str(error.value) for name in (CHOICE, ANSWER))


def test_ifevals_splitter_of_sentences_is_asked_for_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lm-eval only warns where it cannot be fetched."""
    folder = write_tasks(tmp_path)
    (folder / "own.py").write_text(
        "instructions_registry = None\n\ndef process(doc, results):\n    return {'acc': 1}\n"
    )
    task = (folder / f"{CHOICE}.yaml").read_text().replace("{", "{\n process_results: !function own.process,", 1)
    (folder / f"{CHOICE}.yaml").write_text(task)
    monkeypatch.setattr("nltk.data.path", [])
    with pytest.raises(UserError, match=f"{CHOICE} needs punkt_tab of nltk"):
        found(folder, CHOICE)


def test_code_of_policies_is_not_run_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    with pytest.raises(UserError, match=f"Duplicate task '{CHOICE}'"):
        found(folder, CHOICE, GROUP)
    spoil(folder, CHOICE, unsafe_code=True)
    with pytest.raises(UserError, match="runs code that a policy wrote"):
        found(folder, CHOICE)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"include_path: .*gone' is no folder"):
        found(tmp_path / "gone", CHOICE)


@pytest.mark.slow
def test_names_are_looked_up_in_lm_eval_and_the_leaderboard_has_39_tasks(tasks: Path) -> None:
    """lm-eval's own index takes seconds. The hub is out of reach in tests, so that its data are missing."""
    with pytest.raises(UserError, match=r"no task or group 'leaderbord'. Did you mean 'leaderboard'.*emotion_answer"):
        found(tasks, "leaderbord")
    manager = manager_of(LmEvalSettings(tasks=("leaderboard",)))
    assert len(set(_leaves(manager, "leaderboard"))) == 39
    with pytest.raises(UserError, match="leaderboard_mmlu_pro: its data cannot be had"):
        build(manager, "leaderboard")


def test_settings_that_contradict_each_other() -> None:
    assert LmEvalSettings(tasks="a, b").tasks == ("a", "b")  # type: ignore[arg-type]
    for settings, message in (
        ({"tasks": ["a", "b", "a"]}, "given twice: a"),
        ({"apply_chat_template": False, "fewshot_as_multiturn": True}, "needs the chat template"),
    ):
        with pytest.raises(ValidationError, match=message):
            LmEvalSettings(**settings)  # type: ignore[arg-type]


def test_the_tasks_of_the_documentation_are_tasks(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "lm-eval.md"
    texts = str(write_texts(tmp_path) / "test.txt")
    choice, answer = re.findall(r"```yaml\n(.*?)```", page.read_text().replace("my_tasks/test.txt", texts), re.DOTALL)
    (tmp_path / "choice.yaml").write_text(choice)
    write(tmp_path, "answer", {**yaml.safe_load(choice), **yaml.safe_load(answer)})
    made = found(tmp_path, "emotion_choice", "emotion_answer")
    assert [task.metric for task in made.shown] == ["acc", "exact_match"] and made.questions(None) == (60, 60)


def test_questions_are_counted_by_how_they_are_answered(tasks: Path) -> None:
    assert found(tasks, BOARD).questions(limit=7) == (7, 7)
    every, none = found(tasks, CHOICE).questions(limit=None)
    assert every == len((tasks / "test.txt").read_text().splitlines())
    assert none == 0
