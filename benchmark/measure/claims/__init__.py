"""Claims of papers, as a file, and what finished runs say to each."""

from benchmark.measure.claims.catalogue import Catalogue, read_catalogue
from benchmark.measure.claims.table import arena_findings, claim_table

__all__ = ["Catalogue", "arena_findings", "claim_table", "read_catalogue"]
