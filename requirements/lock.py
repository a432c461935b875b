"""Write the locks beside this file anew: for each extra of pyproject.toml the versions that pip would install now.

    make lock

Nothing is installed: pip resolves in a throw-away environment and reports. The other files hold what their extras add
to either `cpu.txt` or `gpu.txt`, so that each goes with both. Versions are written without the label of a build
(2.13.0, not 2.13.0+cpu), which not every index has; where packages come from is left to pip's settings.

Options are handed to pip where the CPU build is resolved, as `--extra-index-url URL` for torch's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
Versions = dict[str, str]


class Resolver:
    """pip in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)

    def versions(self, extras: str, options: list[str], constraints: Versions | None = None) -> Versions:
        """Version by normalised name of the project with these extras, the project itself left out.

        Raises:
            CalledProcessError: pip finds no set of versions; its reason is on standard error.
        """
        report, file = self.folder / "report.json", self.folder / "constraints.txt"
        file.write_text("".join(f"{name}{version}\n" for name, version in (constraints or {}).items()))
        pip = [str(self.folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", *options]
        dry = ["--dry-run", "--ignore-installed", "--report", str(report), "--constraint", str(file)]
        subprocess.run([*pip, *dry, f"{HERE.parent}[{extras}]"], check=True, stdout=sys.stderr)
        packages = (entry["metadata"] for entry in json.loads(report.read_text())["install"])
        named = {normalised(package["name"]): package["version"] for package in packages}
        return {name: version for name, version in named.items() if name != "prefshift"}


def normalised(name: str) -> str:
    """As in PEP 503."""
    return name.lower().replace("_", "-").replace(".", "-")


def public(version: str) -> str:
    """Without the label of a build."""
    return version.partition("+")[0]


def gpu_versions(resolver: Resolver) -> Versions:
    """The CUDA set. Where pip is offered labelled builds (torch 2.13.0+cpu), the plain ones are asked for instead."""
    versions = resolver.versions("gpu", [])
    plain = {name: f"==={public(version)}" for name, version in versions.items() if version != public(version)}
    return resolver.versions("gpu", [], plain) if plain else versions


def write(extra: str, versions: Versions) -> None:
    """One `name==version` a line, by name."""
    python = ".".join(map(str, sys.version_info[:2]))
    lines = [f"{name}=={public(versions[name])}\n" for name in sorted(versions)]
    head = f"# What the extra `{extra}` installs on Linux with Python {python}; written by `make lock`.\n"
    (HERE / f"{extra}.txt").write_text(head + "".join(lines))
    print(f"requirements/{extra}.txt: {len(versions)} packages")


def main(options: list[str]) -> None:
    """Resolve the extras, those that everyone installs first."""
    with tempfile.TemporaryDirectory() as folder:
        resolver = Resolver(Path(folder))
        cpu, gpu = resolver.versions("cpu", options), gpu_versions(resolver)
        write("cpu", cpu)
        write("gpu", gpu)
        for extra in ("tasks", "lora", "ray", "test", "lint", "mutants"):
            pinned = {name: f"=={version}" for name, version in cpu.items()}
            both = resolver.versions(f"cpu,{extra}", options, pinned)
            write(extra, {name: version for name, version in both.items() if name not in cpu and name not in gpu})


if __name__ == "__main__":
    main(sys.argv[1:])
