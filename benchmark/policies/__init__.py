"""Policies on disk, and what they say of given completions."""
