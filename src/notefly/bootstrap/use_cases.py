"""The application, over whatever engine there is."""

from dishka import Provider, Scope, provide

from notefly.adapters.mocks import mock_profiles
from notefly.application.catalogue import Catalogue
from notefly.application.channels import SwitchChannel
from notefly.application.engine import Engine
from notefly.application.keys import Authenticate, Keys, console_keys
from notefly.application.lane import Tools
from notefly.application.links import Links
from notefly.application.log import QueryLog, Replay
from notefly.application.messages import Messages
from notefly.application.preview import PreviewMessage
from notefly.application.publish import PublishMessage
from notefly.application.room import Room
from notefly.application.seed import LoadMocks
from notefly.application.subscribers import SendTest, Subscribers
from notefly.config import Settings
from notefly.ports.backlog import Backlog
from notefly.ports.clock import Clock, Ids
from notefly.ports.figures import Figures
from notefly.ports.key_store import KeyStore


class UseCases(Provider):
    """The application, over whatever engine there is."""

    scope = Scope.APP
    publish = provide(PublishMessage)
    preview = provide(PreviewMessage)
    subscribers = provide(Subscribers)
    test = provide(SendTest)
    messages = provide(Messages)
    query = provide(QueryLog)
    replay = provide(Replay)
    switch = provide(SwitchChannel)
    keys = provide(Keys)

    @provide
    def authenticate(self, settings: Settings, store: KeyStore, clock: Clock) -> Authenticate:
        return Authenticate(store, clock, console_keys(settings.console_digest, clock.now()))

    @provide
    def links(self, keys: KeyStore, subscribers: Subscribers, clock: Clock, ids: Ids) -> Links:
        return Links(keys, subscribers, clock, ids)

    @provide
    def room(self, backlog: Backlog, settings: Settings) -> Room:
        return Room(backlog, settings.backlog)

    tools = provide(Tools)
    engine = provide(Engine)

    @provide
    def mocks(
        self, settings: Settings, subscribers: Subscribers, figures: Figures, catalogue: Catalogue
    ) -> LoadMocks:
        profiles = mock_profiles() if settings.mocks else []
        return LoadMocks(subscribers, figures, catalogue, profiles)
