"""TRL's DPOTrainer, subclassed once: the method supplies the formula, TRL everything else. The one import of TRL."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import DPOConfig, DPOTrainer

from benchmark.training.coupling import Coefficients, concatenate, detached, linearise
from benchmark.training.forward import Forward, forward_pairs, squared_input_gradients
from benchmark.training.settings import TrainingSettings
from methods import Coupling, PairBatch, PairwiseMethod

COEFFICIENTS = "coefficients"


def trainer_config(settings: TrainingSettings, pairs: int, seed: int, folder: Path) -> DPOConfig:
    """TRL's arguments for a run over `pairs` pairs; nothing is logged or saved by the trainer itself."""
    micro = settings.micro_batch_size or settings.batch_size
    cpu = not torch.cuda.is_available()
    steps = math.ceil(pairs / settings.batch_size * settings.epochs)
    return DPOConfig(
        output_dir=tempfile.mkdtemp(dir=folder, prefix="trainer-"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // micro,
        max_steps=steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        bf16=settings.bf16,
        gradient_checkpointing=settings.gradient_checkpointing,
        max_length=None,
        seed=seed,
        data_seed=seed,
        use_cpu=cpu,
        dataloader_pin_memory=not cpu,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class PreferenceTrainer(DPOTrainer):
    """Minimises the objective of any pairwise method over the global batch of each optimiser step.

    What is changed of the stock trainer: batches come ready-made (`PairCollator`) with their reference
    log-probabilities, the loss is the method's, and a coupled objective sees all micro-batches and workers of a step.
    """

    loss_is_scaled_for_ga = True  # our coefficients sum to 1 over the global batch, so nothing is left to divide

    def __init__(self, method: PairwiseMethod, pairs: int, args: DPOConfig, **kwargs: Any) -> None:
        self.method = method
        self.history: list[dict[str, Tensor]] = []
        args.precompute_ref_log_probs = True  # they are in the batch: no reference model is loaded
        args.remove_unused_columns = False
        super().__init__(args=args, train_dataset=Dataset.from_dict({"pair": range(pairs)}), **kwargs)

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The rows are numbers of pairs that are tokenised already."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The batch carries them: they are computed once per pair set, for all methods."""
        return dataset

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """All micro-batches of one optimiser step; where there are several, each with its coefficients."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if len(batches) > 1 or self.accelerator.num_processes > 1:
            batches = [self._prepare_inputs(batch) for batch in batches]
            for batch, coefficients in zip(batches, self._coefficients(batches), strict=True):
                batch[COEFFICIENTS] = coefficients
        return batches, items

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """A scalar with the gradient of the method's objective on this micro-batch."""
        forward = self._forward(model, inputs)
        losses = self.method.pair_losses(forward.batch)
        norms = self._squared_norms(losses, forward, differentiable=True)
        coefficients = inputs.get(COEFFICIENTS)
        if coefficients is None:  # this micro-batch is the whole batch
            coefficients, value = linearise(self.method, forward.batch, losses, norms)
            self._record(forward.batch, value, norms)
        elif self.method.coupling() is Coupling.NONE:
            self._record(forward.batch, coefficients.objective(losses, None).detach(), None)
        objective: Tensor = coefficients.objective(losses, norms)
        return objective * self.accelerator.num_processes  # data-parallel training averages over workers

    def _forward(self, model: Any, inputs: dict[str, Any]) -> Forward:
        layer = None
        if self.method.penalises_inputs():
            layer = self.accelerator.unwrap_model(model).get_input_embeddings()
        return forward_pairs(model, inputs, layer)

    def _squared_norms(self, losses: Tensor, forward: Forward, differentiable: bool) -> Tensor | None:
        if forward.embeddings is None:
            return None
        return squared_input_gradients(losses, forward.embeddings, differentiable)

    def _coefficients(self, batches: list[dict[str, Any]]) -> list[Coefficients]:
        """One per micro-batch, after a first pass over the global batch where the method couples it."""
        sizes = [len(batch["ref_chosen_logps"]) for batch in batches]
        own = sum(sizes)
        if self.method.coupling() is Coupling.NONE:
            total = self.accelerator.reduce(torch.tensor(float(own), device=self.args.device))
            return Coefficients(torch.full((own,), 1.0, device=self.args.device) / total, None).chunk(sizes)
        batch, losses, norms = self._first_pass(batches)
        batch, losses, norms = self.accelerator.gather((batch.tensors(), losses, norms))
        batch = PairBatch(**batch)
        coefficients, value = linearise(self.method, batch, losses, norms)
        self._record(batch, value, norms)
        return coefficients.part(self.accelerator.process_index * own, own).chunk(sizes)

    def _first_pass(self, batches: list[dict[str, Any]]) -> tuple[PairBatch, Tensor, Tensor | None]:
        parts, all_losses, all_norms = [], [], list[Tensor]()
        for inputs in batches:
            with torch.set_grad_enabled(self.method.penalises_inputs()):
                forward = self._forward(self.model, inputs)
                losses = self.method.pair_losses(forward.batch)
                norms = self._squared_norms(losses, forward, differentiable=False)
            parts.append(detached(forward.batch))
            all_losses.append(losses.detach())
            all_norms += [] if norms is None else [norms]
        return concatenate(parts), torch.cat(all_losses), torch.cat(all_norms) if all_norms else None

    def _record(self, batch: PairBatch, value: Tensor, norms: Tensor | None) -> None:
        """Keep what a training curve shows; tensors stay on their device until the curve is written."""
        with torch.no_grad():
            entry = {
                "step": torch.tensor(float(self.state.global_step + 1)),
                "pairs": torch.tensor(float(len(batch.chosen_logps))),
                "objective": value,
                "accuracy": (batch.log_ratio_margin > 0).float().mean(),
                "margin": batch.log_ratio_margin.mean(),
                "chosen_log_ratio": batch.chosen_log_ratios.mean(),
                "rejected_log_ratio": batch.rejected_log_ratios.mean(),
            }
            if norms is not None:
                entry["input_gradient_rms"] = norms.detach().mean().sqrt()
        self.history.append({name: number.detach() for name, number in entry.items()})
