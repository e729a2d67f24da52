"""The settings in effect."""

from pathlib import Path

from typing_extensions import TypedDict

from notefly.broker.answers import Answer, json_answer
from notefly.broker.injection import Injected
from notefly.broker.routing import ADMIN, Gives, Operation, Routes
from notefly.config import Settings

ROUTES = Routes("settings", "The settings in effect.")


class SettingView(TypedDict):
    name: str
    value: str | float | bool | list[str]
    unit: str
    source: str


class SettingsView(TypedDict):
    items: list[SettingView]
    next: None


@ROUTES.add(
    "GET",
    "/v1/settings",
    ADMIN,
    Operation(
        "The settings in effect, and where each comes from",
        {200: Gives(SettingsView)},
        description="Keys and passwords are masked.",
    ),
)
async def show_settings(settings: Injected[Settings]) -> Answer:
    told: SettingsView = {
        "items": [
            {
                "name": one.name,
                "value": _plain(one.value),
                "unit": one.unit,
                "source": one.source,
            }
            for one in settings.shown()
        ],
        "next": None,
    }
    return json_answer(told)


def _plain(value: object) -> str | float | bool | list[str]:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [str(member) for member in value]
    return value if isinstance(value, str | float | int | bool) else str(value)
