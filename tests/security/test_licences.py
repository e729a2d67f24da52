"""A dependency with a licence that nobody has read does not pass unseen."""

from email.message import Message
from importlib.metadata import Distribution

import pytest

from tools import audit


class Package:
    """As much of an installed one as is looked at."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.metadata = Message()
        for name, value in (("Name", "new-thing"), *headers):
            self.metadata[name] = value


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ([("License-Expression", "MIT")], "MIT"),
        ([("License-Expression", "MIT OR GPL-3.0-only")], ""),
        ([("License-Expression", "AGPL-3.0-only")], ""),
        (
            [("License", "MIT License"), ("Classifier", "License :: OSI Approved :: MIT License")],
            "MIT",
        ),
        ([("Classifier", "License :: OSI Approved :: GNU Affero General Public License v3")], ""),
        (
            [
                ("License-Expression", "AGPL-3.0-only"),
                ("Classifier", "License :: OSI Approved :: MIT License"),
            ],
            "",
        ),
        (
            [
                ("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"),
                ("Classifier", "License :: OSI Approved :: MIT License"),
            ],
            "",
        ),
        ([], ""),
    ],
)
def test_the_licence_of_a_package(headers: list[tuple[str, str]], named: str) -> None:
    assert audit.licence(Package(*headers)) == named  # type: ignore[arg-type] # looks like one


def test_a_licence_that_is_not_on_the_list_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Package(("License-Expression", "AGPL-3.0-only"))
    monkeypatch.setattr(audit, "shipped", lambda: iter([new]))
    assert any(
        "new-thing: its licence is not on the list" in w for w in audit.check_licences(write=False)
    )


def test_the_list_is_what_is_shipped() -> None:
    assert audit.check_licences(write=False) == []
    names = {audit.normal(package.metadata["Name"]) for package in audit.shipped()}
    assert {"quart", "apsw", "uvicorn", "h11"} <= names
    assert "pytest" not in names
    assert all(isinstance(package, Distribution) for package in audit.shipped())
