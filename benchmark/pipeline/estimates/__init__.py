"""What a run will cost: the work of a stage, what such work took before, and the longest chain of stages."""
