"""Tasks of lm-evaluation-harness on a policy: the only room that imports it, and only when tasks were asked for."""
