"""What a method costs in time and memory, and what robustness it gives for that."""

from __future__ import annotations

from benchmark.report import Arena
from benchmark.report.rows import HEADLINE
from leaderboard.figures import Figure, in_words
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel
from leaderboard.panels.dots import dot_figure, known, point
from leaderboard.panels.printing import parts, pointed

LEAD = (
    "Time and memory as they were on the machine that ran the row. The step ratio is taken against DPO of the same "
    "seed on the same machine, so that it can be compared across machines; seconds and memory cannot."
)
HOW = {
    "train_seconds": "Seconds of training per run, without set-up and evaluation.",
    "step_ratio_to_dpo": "Median step time over DPO's. At 1 (dotted upright line) a step costs what DPO's does.",
    "peak_memory_mb": "Peak resident memory of the process while it trained.",
}
AT_DPO = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dot", "width": 1}}


def cost(arena: Arena, palette: Palette) -> Panel | None:
    """Three dot plots and what is had for the cost; None where no row has a cost."""
    made = (
        _dots(arena, palette, "step_ratio_to_dpo", "Step time over DPO's", "step time over DPO's"),
        _worth(arena, palette),
        _dots(arena, palette, "train_seconds", "Training time", "seconds per run"),
        _dots(arena, palette, "peak_memory_mb", "Memory", "peak memory, MB"),
    )
    figures = tuple(figure for figure in made if figure)
    return Panel("cost", "What it costs", LEAD, figures) if figures else None


def _dots(arena: Arena, palette: Palette, metric: str, title: str, x: str) -> Figure | None:
    id_ = f"cost-{metric.replace('_', '-')}"
    shapes = [AT_DPO] if metric == "step_ratio_to_dpo" else []
    return dot_figure(id_, title, HOW[metric], arena.rows, metric, x, palette, shapes=shapes)


def _worth(arena: Arena, palette: Palette) -> Figure | None:
    """gated_over_envelope against the step ratio; None where no row has both."""
    pairs = [
        (row, row.metrics["step_ratio_to_dpo"], row.metrics[HEADLINE])
        for row in arena.rows
        if {"step_ratio_to_dpo", HEADLINE} <= set(row.metrics)
    ]
    both = [(row, ratio, over) for row, ratio, over in pairs if known(ratio) and known(over)]
    if not both:
        return None
    texts = [f"{pointed(over)} over the envelope, step ratio {pointed(ratio)}" for _, ratio, over in both]
    return Figure(
        "cost-worth",
        "What is had for it",
        "Left is cheap, up is robustness that DPO does not have; bars are 95% intervals. A row whose bar reaches the "
        "line at 0 gives nothing for its cost that this measure can see.",
        in_words([f"{row.label}: {text}" for (row, _, _), text in zip(both, texts, strict=True)]),
        340,
        ("row", "step ratio to DPO", HEADLINE, "ratio low", "ratio high", "ratio n", "low", "high", "n"),
        [
            point(row.key, row.label, palette.look(row), ratio, over, text, [*parts(ratio), *parts(over)])
            for (row, ratio, over), text in zip(both, texts, strict=True)
        ],
        {
            "xaxis": {"title": {"text": "step time over DPO's"}, "zeroline": False},
            "yaxis": {"title": {"text": "over DPO envelope, utility"}, "zeroline": True, "zerolinewidth": 2},
            "hovermode": "closest",
        },
    )
