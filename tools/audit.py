"""`make audit`: known vulnerabilities of what is installed, and the licences of what is shipped.

    python -m tools.audit            fails for either, and for a list that is out of date
    python -m tools.audit --write    writes the list

The advisory service may be out of reach, or not know the packages: then that is said, and is no
failure. A licence that is not on the list below is one, until somebody has read it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = "notefly"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "licences.md"
LIMIT_SECONDS = 120
UNREACHABLE = re.compile(r"connect|resol|network|timed? ?out|service|proxy|http", re.IGNORECASE)
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
        "any-OSI",
    }
)
"""What may be shipped beside code under the MIT licence; `any-OSI` is apsw's own choice."""
READ_BY_HAND: Mapping[str, str] = {}
"""Packages whose metadata names no licence by its SPDX name: the name, read in their files."""
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
HEAD = """# Licences

What `pip install notefly` and its extras bring, with the licence that each package names.
`make audit` writes and checks this list, and fails for a licence that nobody has read yet.

| package | licence |
| --- | --- |
"""


def shipped(name: str = PROJECT, seen: set[str] | None = None) -> Iterator[Distribution]:
    """The project's requirements, its extras included, and theirs; those for this machine."""
    seen = {normal(PROJECT)} if seen is None else seen
    package = distribution(name)
    extras = ["", *(package.metadata.get_all("Provides-Extra") or ())] if name == PROJECT else [""]
    for line in package.requires or ():
        wanted = Requirement(line)
        if normal(wanted.name) in seen or not _applies(wanted, extras):
            continue
        seen.add(normal(wanted.name))
        yield distribution(wanted.name)
        yield from shipped(wanted.name, seen)


def _applies(wanted: Requirement, extras: Iterable[str]) -> bool:
    marker = wanted.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def licence(package: Distribution) -> str:
    """By its SPDX name where the package says so, else by all its classifiers; empty if by none."""
    about = package.metadata
    name = normal(about["Name"])
    if spoken := READ_BY_HAND.get(name) or about["License-Expression"]:
        return spoken if parts(spoken) <= ALLOWED else ""
    if about["License"] and parts(about["License"]) <= ALLOWED:
        return about["License"]
    lines = [line.split(" :: ")[1:] for line in about.get_all("Classifier") or ()]
    classified = {line[-1] for line in lines if line and line[0] == "OSI Approved" and line[1:]}
    known = classified <= CLASSIFIERS.keys()
    return " AND ".join(sorted(CLASSIFIERS[one] for one in classified)) if known else ""


def parts(expression: str) -> set[str]:
    """Of `MIT OR Apache-2.0`; of everything that is not such an expression, itself."""
    return set(re.split(r" (?:OR|AND) ", expression.strip("()")))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def page(found: Mapping[str, str]) -> str:
    return HEAD + "".join(f"| {name} | {found[name]} |\n" for name in sorted(found))


def check_licences(*, write: bool) -> list[str]:
    """What is wrong with them."""
    found = {normal(package.metadata["Name"]): licence(package) for package in shipped()}
    wrong = [
        f"{name}: its licence is not on the list in {Path(__file__).name}; read it, then decide"
        for name, named in found.items()
        if not named or not parts(named) <= ALLOWED
    ]
    if write:
        PAGE.write_text(page(found), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(found):
        wrong.append(f"{PAGE.name} is out of date: .venv/bin/python -m tools.audit --write")
    print(f"licences: {len(found)} packages are shipped, {len(wrong)} problems")
    return wrong


def check_advisories() -> list[str]:
    """Every known vulnerability of what is installed here, tools included."""
    command = (sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off")
    try:
        done = subprocess.run(  # noqa: S603 - a tool of ours, by its module
            command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"advisories: not run: the service did not answer within {LIMIT_SECONDS} s")
        return []
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        if not UNREACHABLE.search(done.stderr):
            return [f"pip-audit cannot be run: {said[0]}"]
        print(f"advisories: not run: the service cannot be reached: {said[0]}")
        return []
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        print("advisories: not run: the service cannot be reached, or knows none of the packages")
        return []
    wrong = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for package in asked
        for flaw in package["vulns"]
    ]
    print(f"advisories: {len(asked)} of {len(packages)} packages known, {len(wrong)} problems")
    return wrong


def main() -> None:
    wrong = check_licences(write="--write" in sys.argv) + check_advisories()
    for line in wrong:
        print(f"  {line}")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
