"""Selection: which setting and checkpoint of a method a rule takes, measured where it has not looked."""

from benchmark.measure.selection.rules import RULES
from benchmark.measure.selection.select import selection_caveats, selections

__all__ = ["RULES", "selection_caveats", "selections"]
