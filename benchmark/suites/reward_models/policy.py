"""The suite's policy: taken as it is, fine-tuned on answers, or trained on them from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.policies.checkpoints import load_policy, save_policy
from benchmark.policies.checks import check_policy
from benchmark.policies.encoding import SPECIAL, train_tokenizer
from benchmark.policies.scratch import check_shape
from benchmark.suites.policies import fit_rows, save_measured, scratch_model, without_hub
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.reward_models.prompts import Question
from benchmark.suites.reward_models.settings import RewardModelsSettings


def checked_tokenizer(
    settings: RewardModelsSettings, answers: Mapping[str, Sequence[Question]]
) -> PreTrainedTokenizerBase:
    """The tokenizer of the policy, which is looked at before anything runs.

    Args:
        settings: of the suite.
        answers: as `build_policy` takes them.

    Raises:
        UserError: a policy that cannot be had or cannot do what the settings ask for; no answers to train it on.
    """
    its = settings
    for split, answered in answers.items():
        if not answered:
            raise UserError(f"suite.prompts: no {split} prompt of {its.prompts.source!r} has an answer to learn from.")
    if its.policy == SCRATCH:
        check_shape(its.scratch.width, its.scratch.heads)
        return _scratch_tokenizer(its, answers["train"])
    try:
        described = check_policy(its.policy, prompt_tokens=its.max_prompt_tokens, max_new_tokens=its.max_new_tokens)
        return described.tokenizer
    except UserError as error:
        raise UserError(f"{error} {without_hub()}") from error


def build_policy(
    settings: RewardModelsSettings,
    answers: Mapping[str, Sequence[Question]],
    seed: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Write the reference policy; where it is trained, `metrics.json` beside it has its held-out perplexity.

    Args:
        settings: of the suite.
        answers: answered prompts of `train` and `validation`; empty where the policy is taken as it is.
        seed: of weights and order.
        folder: where the checkpoint goes.
        progress: told of every step.
    """
    if settings.policy == SCRATCH:
        tokenizer = _scratch_tokenizer(settings, answers["train"])
        model = scratch_model(tokenizer, settings.scratch, settings.longest, seed)
        training = settings.scratch
    else:
        model, tokenizer = load_policy(settings.policy, pad_token=SPECIAL["pad_token"])
        if settings.untouched:
            save_policy(model, tokenizer, folder)
            return
        training = settings.finetune  # type: ignore[assignment]
    rows = {name: _rows(settings, tokenizer, its) for name, its in answers.items()}
    fit_rows(model, tokenizer, rows["train"], training, seed, progress)
    save_measured(model, tokenizer, rows["validation"], folder)


def _scratch_tokenizer(settings: RewardModelsSettings, answered: Sequence[Question]) -> PreTrainedTokenizerBase:
    """Byte pairs of the training prompts with their answers."""
    around = (settings.prompt_format.template or "{prompt}").replace("{prompt}", "")
    texts = [f"{around} {question.prompt} {question.answer}" for question in answered]
    return train_tokenizer(texts, settings.scratch.vocabulary)


def _rows(
    settings: RewardModelsSettings,
    tokenizer: PreTrainedTokenizerBase,
    answered: Sequence[Question],
) -> list[list[int]]:
    """Prompts with their answers, as tokens; an answer is cut where completions are, a long prompt left out."""
    asked, said = zip(*((question.prompt, question.answer or "") for question in answered), strict=True)
    format_ = settings.prompt_format
    both = zip(format_.prompts(tokenizer, asked), format_.answers(tokenizer, asked, said), strict=True)
    kept = [(prompt, answer) for prompt, answer in both if len(prompt) <= settings.max_prompt_tokens]
    return [[*prompt, *answer[: settings.max_new_tokens]] for prompt, answer in kept]
