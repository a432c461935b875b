"""Claims of papers, as a file, and what finished runs say to each."""

from benchmark.measure.claims.catalogue import Catalogue, read_catalogue
from benchmark.measure.claims.table import claim_table, group_findings
from benchmark.measure.claims.verdict import Finding

__all__ = ["Catalogue", "Finding", "claim_table", "group_findings", "read_catalogue"]
