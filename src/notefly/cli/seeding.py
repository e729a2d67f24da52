"""People for `notefly demo`, where the store has nobody."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from notefly.cli.broker_link import BrokerLink
from notefly.domain.subscriber import Profile


def seed(link: BrokerLink) -> int:
    """How many people were added: none where there is anybody already."""
    from notefly.adapters.mocks import mock_profiles

    if link.get("/v1/stats")["subscribers"]:
        return 0
    categories = [one["name"] for one in link.get("/v1/categories")["items"]]
    kinds = {one["name"]: one["address_kind"] for one in link.get("/v1/channels")["items"]}
    profiles = mock_profiles()
    for profile in profiles:
        path = f"/v1/subscribers/{quote(profile.id, safe='')}"
        link.put(path, _fitting(profile, categories, kinds))
    return len(profiles)


def _fitting(profile: Profile, categories: Collection[str], kinds: dict[str, str]) -> Any:
    """What is configured of it; who follows none of the categories here follows all of them."""
    wanted = profile.preferences
    return {
        "name": profile.name,
        "mock": True,
        "addresses": {k: a for k, a in profile.addresses.items() if k in kinds.values()},
        "categories": sorted(wanted.categories & {*categories} or categories),
        "channels": sorted(c for c in wanted.channels if c in kinds),
        "overrides": {
            category: sorted(c for c in channels if c in kinds)
            for category, channels in wanted.overrides.items()
            if category in categories
        },
    }
