"""A store is opened as one and serves many ports: each of them for itself."""

from typing import Protocol

from dishka import Provider, Scope, provide

from notefly.ports.backlog import Backlog
from notefly.ports.batch_store import BatchStore
from notefly.ports.delivery_log import DeliveryLog
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl, Figures
from notefly.ports.key_store import KeyStore
from notefly.ports.message_store import MessageStore
from notefly.ports.subscriber_store import SubscriberStore


class Store(Protocol):
    """What every engine opens."""

    @property
    def messages(self) -> MessageStore: ...
    @property
    def subscribers(self) -> SubscriberStore: ...
    @property
    def batches(self) -> BatchStore: ...
    @property
    def deliveries(self) -> DeliveryLog: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def control(self) -> ChannelControl: ...
    @property
    def events(self) -> EventLog: ...
    @property
    def backlog(self) -> Backlog: ...
    @property
    def keys(self) -> KeyStore: ...


class Ports(Provider):
    """Whatever the store is."""

    scope = Scope.APP

    @provide
    def messages(self, store: Store) -> MessageStore:
        return store.messages

    @provide
    def subscribers(self, store: Store) -> SubscriberStore:
        return store.subscribers

    @provide
    def batches(self, store: Store) -> BatchStore:
        return store.batches

    @provide
    def deliveries(self, store: Store) -> DeliveryLog:
        return store.deliveries

    @provide
    def figures(self, store: Store) -> Figures:
        return store.figures

    @provide
    def control(self, store: Store) -> ChannelControl:
        return store.control

    @provide
    def backlog(self, store: Store) -> Backlog:
        return store.backlog

    @provide
    def events(self, store: Store) -> EventLog:
        return store.events

    @provide
    def keys(self, store: Store) -> KeyStore:
        return store.keys
