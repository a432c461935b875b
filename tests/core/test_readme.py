"""What the README shows is what is there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_the_example_whole():
    assert (ROOT / "examples" / "mild_dpo.py").read_text().strip() in (ROOT / "README.md").read_text()


def test_every_linked_file_exists():
    import re

    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links and [link for link in links if not (ROOT / link).exists()] == []
