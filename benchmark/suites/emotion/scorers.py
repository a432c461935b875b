"""The suite's learned reward model and its judge: trained on disjoint halves of the texts, measured on a third set."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.graph import Progress
from benchmark.core.seeds import derive_seed, generator
from benchmark.scoring.base import RewardModel
from benchmark.scoring.calibration import save_report, scoring_report
from benchmark.suites.emotion.concatenate import concatenate
from benchmark.suites.emotion.data import OBJECTIVES, Texts
from benchmark.suites.emotion.settings import TRANSFORMER, EmotionSettings


def build_scorer(
    kind: str, role: str, half: Texts, held_out: Texts, settings: EmotionSettings, folder: Path, progress: Progress
) -> None:
    """Train a scorer on concatenated texts, save it, and write `metrics.json`: single and concatenated held-out texts.

    Args:
        kind: `convolution`, `linear` or `transformer:SOURCE`.
        role: `reward_model` or `judge`; names the seeds.
        half: the texts to train on.
        held_out: the texts to measure on.
        settings: of the suite.
        folder: an existing folder.
        progress: called with (done, total).
    """
    model = _fit(kind, role, half, settings, progress)
    model.save(folder)
    mixed = concatenate(held_out, len(held_out), generator("emotion", "held_out"))
    save_report(
        folder,
        {
            "single": scoring_report(model, held_out.texts, held_out.labels),
            "concatenated": scoring_report(model, mixed.texts, mixed.labels),
        },
    )


def _fit(kind: str, role: str, half: Texts, settings: EmotionSettings, progress: Progress) -> RewardModel:
    section, _, source = kind.partition(":")
    options = getattr(settings, section).model_dump()
    texts = concatenate(half, options.pop("copies") * len(half), generator("emotion", role, "texts"))
    seed = derive_seed("emotion", role, "fit")
    if section == "linear":
        from benchmark.scoring.linear import fit_linear

        return fit_linear(texts.texts, texts.labels, OBJECTIVES, progress=progress, **options)
    if kind.startswith(TRANSFORMER):
        from benchmark.scoring.transformer import fit_transformer

        return fit_transformer(source, texts.texts, texts.labels, OBJECTIVES, seed=seed, progress=progress, **options)
    from benchmark.scoring.convolution import fit_convolution

    return fit_convolution(texts.texts, texts.labels, OBJECTIVES, seed=seed, progress=progress, **options)
