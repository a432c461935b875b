"""One step of the real trainer, and what gradient it takes."""

from __future__ import annotations

import torch

from benchmark.training.batch import PairCollator
from benchmark.training.settings import TrainingSettings
from benchmark.training.trainer import PreferenceTrainer, trainer_config


def make_trainer(method, model, tokenizer, pairs, reference, folder, micro=None, **settings):
    """A trainer of one epoch, which is one step of all 64 pairs."""
    config = trainer_config(
        TrainingSettings(epochs=1, batch_size=64, micro_batch_size=micro, warmup_steps=0, **settings), 64, 0, folder
    )
    collator = PairCollator(pairs, reference, tokenizer.pad_token_id)
    groups = 0 if pairs.groups is None else int(pairs.groups.max()) + 1
    return PreferenceTrainer(
        method, 64, config, groups=groups, model=model, processing_class=tokenizer, data_collator=collator
    )


def step_gradients(trainer):
    """Gradients of the first optimiser step, before clipping, by parameter."""
    found = {}
    clip = trainer.accelerator.clip_grad_norm_

    def keep(parameters, *args, **kwargs):
        if not found:
            found.update({n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None})
        return clip(parameters, *args, **kwargs)

    trainer.accelerator.clip_grad_norm_ = keep
    trainer.train()
    return found


def assert_same_gradients(a, b, tolerance=1e-4):
    """Equal up to `tolerance` of the greatest entry of any: float32 sums in another order are off by up to 1e-5."""
    assert a.keys() == b.keys()
    scale = max(float(g.abs().max()) for g in a.values())
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=tolerance * scale)
