"""Mock subscribers for an empty store, so that the first message has an audience."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from notefly.application.catalogue import Catalogue
from notefly.application.subscribers import Subscribers
from notefly.domain.errors import Conflict
from notefly.domain.subscriber import Preferences, Profile
from notefly.ports.figures import Figures


@dataclass(frozen=True, slots=True)
class LoadMocks:
    """Only into a store that never had a subscriber: who erased them does not want them back."""

    subscribers: Subscribers
    figures: Figures
    catalogue: Catalogue
    profiles: Sequence[Profile]

    async def __call__(self) -> int:
        """How many were loaded; what is not configured is left out of their choices."""
        if not self.profiles or await self.figures.subscribers_ever():
            return 0
        try:
            await self.subscribers.add([self._fitting(profile) for profile in self.profiles])
        except Conflict:
            # Another process began at the same moment.
            return 0
        return len(self.profiles)

    def _fitting(self, profile: Profile) -> Profile:
        categories, channels = self.catalogue.category_names, frozenset(self.catalogue.channels)
        kinds = set(self.catalogue.kinds.values())
        wanted = profile.preferences
        return replace(
            profile,
            mock=True,
            addresses={kind: a for kind, a in profile.addresses.items() if kind in kinds},
            preferences=Preferences(
                wanted.categories & categories,
                wanted.channels & channels,
                {c: chosen & channels for c, chosen in wanted.overrides.items() if c in categories},
            ),
        )
