"""The suite `reward_models`: what its settings mean, which prompts it takes, and on which scale it rewards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.core.errors import UserError
from benchmark.core.settings import checked
from benchmark.pipeline.text.sampled_pairs import Candidates, Sample, draw
from benchmark.policies.checkpoints import end_tokens, load_policy, load_tokenizer
from benchmark.suites.reward_models import RewardModelsSuite
from benchmark.suites.reward_models.objectives import STATISTICS, save_statistics, standardised
from benchmark.suites.reward_models.prompts import first_turns, questions
from benchmark.suites.reward_models.settings import PromptSettings, RewardModelsSettings
from shifts.annotator_groups import AnnotatorGroups
from shifts.labels import Labelling
from tests import chat_models

HERE = "ORG/MODEL"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with policies, reward models and prompts."""
    folder = tmp_path_factory.mktemp("models")
    chat_models.llama3_policy(folder / "llama")
    chat_models.gpt2_policy(folder / "gpt2")
    chat_models.gpt2_reward(folder / "kind", 1)
    chat_models.gpt2_reward(folder / "two", 2, labels=("a", "b"))
    chat_models.llama3_reward(folder / "judge", 3)
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(chat_models.WORDS, random.integers(2, 8))) for _ in range(150)]
    (folder / "prompts.jsonl").write_text("\n".join(json.dumps({"prompt": row, "said": "left"}) for row in rows))
    return folder


def suite(models: Path, **changes):
    raw = {
        "objectives": [
            {"kind": {"model": str(models / "kind"), "format": "pair"}},
            {"b": {"model": f"{models / 'two'}#b", "format": "pair"}},
        ],
        "policy": str(models / "llama"),
        "prompts": {"source": str(models / "prompts.jsonl")},
        "train_prompts": 20,
        "validation_prompts": 5,
        "test_prompts": 5,
        "max_prompt_tokens": 40,
        "max_new_tokens": 8,
        **changes,
    }
    return RewardModelsSuite(checked(RewardModelsSettings, raw, "suite."))


# Settings ------------------------------------------------------------------------------------------------------------


def test_objectives_are_named_by_their_head_or_by_hand():
    settings = checked(RewardModelsSettings, {"objectives": [f"{HERE}#truthful", HERE, {"short": f"{HERE}#2"}]})
    assert list(settings.objectives) == ["truthful", "MODEL", "short"]
    assert [(s.source, s.head) for s in settings.objectives.values()] == [(HERE, "truthful"), (HERE, None), (HERE, "2")]
    assert checked(RewardModelsSettings, {"objectives": {"x": HERE}}).objectives["x"].model == HERE


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"objectives": [HERE, "OTHER/MODEL"]}, "two objectives are named MODEL"),
        ({"objectives": {"kl": HERE}}, "cannot be named 'kl'"),
        ({"objectives": {"a b": HERE}}, "cannot be named 'a b'"),
        ({"objectives": {"a": {"model": HERE, "url": "http://x"}}}, "unknown setting 'suite.objectives.a.url'"),
        ({"gold": {"harmful": HERE}}, "gold judges harmful: no objective. Allowed: helpful, harmless"),
        ({"template": "Q:"}, "must contain {prompt}"),
        ({"policy": "scratch", "prompts": {"source": "x"}}, "needs suite.prompts.answer"),
    ],
)
def test_a_mistake_is_one_message(raw, message):
    with pytest.raises(UserError) as caught:
        checked(RewardModelsSettings, raw, "suite.")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_one_judge_stands_for_all_and_a_missing_one_for_none():
    both = checked(RewardModelsSettings, {"gold": HERE})
    assert list(both.judges) == ["helpful", "harmless"]
    assert list(checked(RewardModelsSettings, {"gold": {"harmless": HERE}}).judges) == ["harmless"]


# Prompts -------------------------------------------------------------------------------------------------------------


def test_splits_share_no_prompt_and_do_not_depend_on_the_order_of_the_file(models, tmp_path):
    settings = PromptSettings(source=str(models / "prompts.jsonl"))
    parts = {split: [q.prompt for q in questions(settings, split)] for split in ("train", "validation", "test")}
    whole = [prompt for part in parts.values() for prompt in part]
    texts = {json.loads(line)["prompt"] for line in (models / "prompts.jsonl").read_text().splitlines()}
    assert len(whole) == len(set(whole)) and set(whole) == texts and min(map(len, parts.values())) > 4
    pd.DataFrame({"prompt": sorted(texts)}).to_parquet(tmp_path / "prompts.parquet")
    again = PromptSettings(source=str(tmp_path / "prompts.parquet"))
    assert [q.prompt for q in questions(again, "test")] == parts["test"]


def test_a_copy_of_a_hubs_data_set_is_read_by_its_splits(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    rows = {"train": ["a", "b", "c"], "validation": ["b", "e"], "test": ["c", "d"]}
    for split, prompts in rows.items():
        pd.DataFrame({"prompt": prompts}).to_csv(data / f"{split}-00000.csv", index=False)
    settings = PromptSettings(source=str(tmp_path), test="test", validation="validation")
    found = {split: {q.prompt for q in questions(settings, split)} for split in rows}
    assert found == {"train": {"a"}, "validation": {"b", "e"}, "test": {"c", "d"}}  # what is held out is not trained on
    with pytest.raises(UserError, match=r"no file of the split 'dev'; .* It has test-00000.csv, train-00000.csv"):
        questions(PromptSettings(source=str(tmp_path), train="dev"), "train")


def test_the_first_turns_of_a_dialogue():
    text = "\n\nHuman: which way?\n\nAssistant: Left. \n\nHuman: sure?\n\nAssistant: Yes."
    assert first_turns(text) == ("which way?", "Left.")
    assert first_turns("no dialogue") == ("", None)


def test_a_missing_column_names_what_is_there(models):
    settings = PromptSettings(source=str(models / "prompts.jsonl"), column="promt")
    with pytest.raises(UserError, match=r"no column 'promt'. Did you mean 'prompt'\? It has prompt, said"):
        questions(settings, "train")


def test_prompts_are_rendered_and_long_ones_left_out(models, tmp_path):
    built = suite(models, max_prompt_tokens=16)
    built.build_policy(0, tmp_path, lambda done, total: None)
    prompts = built.prompts("test", tmp_path)
    assert len(prompts) == 5 and max(map(len, prompts.tokens)) <= 16
    bos = load_tokenizer(tmp_path).bos_token_id
    assert all(row[0] == bos and row.count(bos) == 1 for row in prompts.tokens)
    with pytest.raises(
        UserError, match=r"suite.test_prompts is 5, but .* only 0 different prompts of at most 3 tokens"
    ):
        suite(models, max_prompt_tokens=3).prompts("test", tmp_path)


# The policy ----------------------------------------------------------------------------------------------------------


def test_the_untouched_policy_keeps_its_weights_its_ends_and_its_template(models, tmp_path):
    suite(models).build_policy(0, tmp_path, lambda done, total: None)
    before, _ = load_policy(models / "llama", pad_token="<pad>")
    after, tokenizer = load_policy(tmp_path)
    assert all((tensor == after.state_dict()[name]).all() for name, tensor in before.state_dict().items())
    assert len(end_tokens(tmp_path, tokenizer)) == 2 and tokenizer.chat_template == chat_models.LLAMA3_TEMPLATE
    assert suite(models).policy_spec(0) == suite(models).policy_spec(1)


def test_a_policy_from_scratch_learns_the_answers(models, tmp_path):
    small = {"width": 32, "heads": 1, "layers": 1, "feed_forward": 32, "vocabulary": 128, "epochs": 60}
    prompts = {"source": str(models / "prompts.jsonl"), "answer": "said"}
    built = suite(models, policy="scratch", scratch=small, prompts=prompts, train_prompts=60)
    built.check()
    built.build_policy(0, tmp_path, lambda done, total: None)
    assert json.loads((tmp_path / "metrics.json").read_text())["perplexity"] < 20
    assert built.policy_spec(0) != built.policy_spec(1)


# Checks --------------------------------------------------------------------------------------------------------------


def test_a_sound_configuration_passes(models):
    suite(models, gold={"model": str(models / "judge")}).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "gpt2"}, "'.*gpt2' has no chat template"),
        ({"objectives": ["two#c"]}, r"suite.objectives.c: .*no chat template, so it reads pairs"),
        ({"objectives": {"x": {"model": "two#c", "format": "pair"}}}, "suite.objectives.x: .*unknown head 'c'"),
        ({"objectives": {"x": {"model": "two", "format": "pair"}}}, "suite.objectives.x: .*2 heads: name one"),
        ({"gold": "llama"}, "suite.gold.all: .* is no reward model"),
        ({"max_new_tokens": 2000}, "suite.objectives.kind: .*reads 1024 tokens"),
        ({"max_new_tokens": 5000}, "suite.policy: .*4096 positions"),
        ({"train_prompts": 500}, "suite.train_prompts is 500, but"),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(models, changes, message):
    def there(value):
        if isinstance(value, str) and (models / value.partition("#")[0]).exists():
            return str(models / value)
        if isinstance(value, list):
            return [there(item) for item in value]
        return {key: there(item) for key, item in value.items()} if isinstance(value, dict) else value

    with pytest.raises(UserError, match=message):
        suite(models, **there(changes)).check()


def test_all_that_is_named_is_needed(models):
    built = RewardModelsSuite(checked(RewardModelsSettings, {"gold": {"helpful": HERE}}))
    assert [item.setting for item in built.needed()] == [
        "suite.policy",
        "suite.objectives.helpful",
        "suite.objectives.harmless",
        "suite.gold.helpful",
        "suite.prompts.source",
    ]
    at_url = RewardModelsSuite(checked(RewardModelsSettings, {"gold": {"model": "m", "url": "http://x"}}))
    assert all("gold" not in item.setting for item in at_url.needed())


# Rewards -------------------------------------------------------------------------------------------------------------


def test_rewards_are_z_scores_of_the_training_completions(tmp_path):
    save_statistics({"a": np.array([1.0, 3.0, 5.0, np.nan])}, tmp_path)
    assert json.loads((tmp_path / STATISTICS).read_text())["a"]["completions"] == 3
    deviation = np.sqrt(8 / 3)
    scaled = standardised({"a": np.array([3.0, 5.0, 1000.0, -1000.0, np.nan])}, tmp_path, clip=4.0)["a"]
    assert scaled[:2] == pytest.approx([0, 2 / deviation]) and scaled[2:4].tolist() == [4, -4] and np.isnan(scaled[4])
    with pytest.raises(UserError, match="'a' gives all 2 training completions the same reward"):
        save_statistics({"a": np.array([2.0, 2.0])}, tmp_path)


def test_scores_of_the_suite(models, tmp_path):
    built = suite(models, gold={"b": {"model": str(models / "judge")}})
    prompts, answers = ["which way", "dear friend"] * 8, [" left", "", "right please", "never"] * 4
    for what in ("reward_model", "judge"):
        (tmp_path / what).mkdir()
        built.standardise(what, prompts, answers, tmp_path / what, lambda done, total: None)
    scores = built.score(prompts, answers, tmp_path / "reward_model", tmp_path / "judge")
    assert scores.learned.mean(axis=0) == pytest.approx(0, abs=1e-9) and scores.learned.std(axis=0) == pytest.approx(1)
    assert np.isnan(scores.gold[:, 0]).all() and scores.gold[:, 1].std() == pytest.approx(1)
    assert scores.quality.tolist() == [True, False, True, True] * 4
    spaces = built.score(prompts[:1], ["left \n"], tmp_path / "reward_model", None)
    assert spaces.learned[0] == pytest.approx(scores.learned[0]) and np.isnan(spaces.gold).all()


# Best against worst --------------------------------------------------------------------------------------------------


def compared(rows: list[list[int]], joy: list[float], sad: list[float], share: str) -> tuple[list[int], list[int]]:
    """Rows of the first and the second completion of every prompt that argmax annotators are asked of."""
    tokens = [[row] for row in range(len(joy))]
    rewards = {"joy": np.array(joy), "sad": np.array(sad)}
    candidates = Candidates.of([Sample(np.array(rows), tokens, rewards)])
    drawn = draw(candidates, AnnotatorGroups("joy/sad", share), Labelling("argmax"), seed=0)
    return drawn.first.tolist(), drawn.second.tolist()


def test_of_several_candidates_the_best_meets_the_worst_of_the_annotator():
    rows = [[0, 3], [1, 4], [2, 5]]
    joy, sad = [1.0, 5.0, 3.0, 2.0, 9.0, 4.0], [5.0, 5.0, 0.0, 7.0, 1.0, 1.0]
    assert compared(rows, joy, sad, "1/0") == ([0, 3], [1, 4])  # in the order of sampling; best are 1 and 4
    assert compared(rows, joy, sad, "0/1") == ([0, 3], [2, 4])  # the first of ties


def test_two_candidates_are_compared_as_they_were_sampled():
    assert compared([[0, 2], [1, 3]], [1.0, 5.0, 3.0, 2.0], [0.0] * 4, "1/0") == ([0, 2], [1, 3])
