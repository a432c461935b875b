"""Measurement: finished runs in, every number of the page with its interval and its words out.

`build.build_report` is the door for the page, `metrics.cell_records` and `across.cross_cell_records` fill
results.parquet.
"""
