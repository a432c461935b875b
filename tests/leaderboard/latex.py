"""Whether a table is LaTeX that compiles: its structure, and an engine where one is found."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ENGINES = ("pdflatex", "tectonic", "lualatex", "xelatex")
COMMANDS = {  # of LaTeX itself and of booktabs
    *("begin", "end", "begingroup", "endgroup", "small", "scriptsize", "emph", "multicolumn", "setlength", "tabcolsep"),
    *("toprule", "midrule", "bottomrule", "addlinespace", "backslash", "mathdollar"),
    *("alpha", "beta", "gamma", "delta", "epsilon", "lambda", "rho", "tau", "eta", "chi", "times"),
}
TEXT_WIDTH = "397.5pt"  # 5.5 inches: the text of a page in one column, as at NeurIPS and ICLR
DOCUMENT = (
    "\\documentclass{article}\n\\usepackage{booktabs}\n\\setlength{\\textwidth}{%s}\\setlength{\\parindent}{0pt}\n"
    "\\begin{document}\n%s\n\\end{document}\n"
)


def engine() -> str | None:
    """The first LaTeX engine on the PATH."""
    return next(filter(None, map(shutil.which, ENGINES)), None)


def check_structure(text: str) -> None:
    """Assert what a table needs to compile: balanced groups, maths and environments, as many cells in every line as
    there are columns, commands that a plain LaTeX with booktabs has, and no special character that is not escaped."""
    body = "\n".join(line for line in text.split("\n") if not line.startswith("%"))
    body = re.sub(r"%$", "", body, flags=re.M)
    assert body.isascii()
    bare = re.sub(r"\\(?:[~^](?=\{\})|[&%$#_{}\\])", "", body)  # without what is escaped, and without the ends of lines
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert all(line.count("$") % 2 == 0 for line in bare.split("\n"))
    outside = re.sub(r"\$[^$]*\$", "", bare)
    assert not set('#%^_~<>|"') & set(outside)
    assert set(re.findall(r"\\([a-zA-Z]+)", body)) <= COMMANDS
    opened = re.findall(r"\\(begin|end)\{(\w+)\}", body)
    assert opened == [("begin", "tabular"), ("end", "tabular")]
    assert body.count(r"\begingroup") == body.count(r"\endgroup") == 1
    found = re.search(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", body)
    assert found is not None
    for line in body.split("\n"):
        if line.endswith("\\\\"):
            cells = re.sub(r"\\&", "", line).count("&") + 1
            heading = line.startswith(f"\\multicolumn{{{len(found[1])}}}")
            assert cells == (1 if heading else len(found[1])), line
        else:
            assert not line or line.startswith("\\"), line


def compile_table(text: str, folder: Path) -> str:
    """Compile a page with the table in it, and return the engine's log."""
    found = engine()
    assert found is not None
    source = folder / "table.tex"
    source.write_text(DOCUMENT % (TEXT_WIDTH, text), encoding="utf-8")
    options = ["--keep-logs"] if "tectonic" in found else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([found, *options, source.name], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "table.pdf").stat().st_size > 0
    return (folder / "table.log").read_text("utf-8", errors="replace")
