"""TRL's own trainers on the same pairs, untouched but for the data, which is tokenised already."""

from __future__ import annotations

from datasets import Dataset
from trl import DPOTrainer

from benchmark.training.settings import TrainingSettings
from benchmark.training.trainer import trainer_config


class StockDPOTrainer(DPOTrainer):
    """TRL's trainer, on rows that hold token ids and reference log-probabilities."""

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset

    def _precompute_ref_logps(self, dataset, *args, **kwargs):
        return dataset


def make_stock_trainer(model, tokenizer, pairs, reference, folder, **arguments):
    """A stock trainer of one step of all 64 pairs; `arguments` are fields of TRL's DPOConfig."""
    rows = Dataset.from_dict(
        {"prompt_ids": pairs.prompts, "chosen_ids": pairs.chosen, "rejected_ids": pairs.rejected,
         "ref_chosen_logps": reference.chosen, "ref_rejected_logps": reference.rejected}
    )  # fmt: skip
    config = trainer_config(TrainingSettings(epochs=1, batch_size=64, warmup_steps=0), 64, 0, folder)
    for name, value in {"precompute_ref_log_probs": True, **arguments}.items():
        assert hasattr(config, name), name
        setattr(config, name, value)
    return StockDPOTrainer(model, args=config, train_dataset=rows, processing_class=tokenizer)
