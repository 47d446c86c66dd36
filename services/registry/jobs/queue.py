"""The queue contract: a message carries a job's id and nothing else, and losing or doubling one is harmless."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uuid_utils
from celery import Celery
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError
from kombu.messaging import Producer
from redis.exceptions import RedisError

from services.registry.errors import BrokerUnavailable
from services.registry.settings import Settings
from services.registry.states import JobKind

QUEUES = {kind: kind.value for kind in JobKind}
TASKS = {kind: f"trm.{kind.value}" for kind in JobKind}

# Someone waits for a publisher, so it gives up within a second; the reaper publishes what was missed.
PUBLISH_CONNECT_SECONDS = 0.4
PUBLISH_ANSWER_SECONDS = 1.0
BROKER_ERRORS = (OperationalError, RedisError, OSError)  # kombu wraps what ends a connection only while it makes one
PUBLISH_RETRIES = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}


def celery_app(settings: Settings, *, connect_seconds: float = 5, answer_seconds: float = 30) -> Celery:
    """Celery as the workers run it; raises SettingMissing without a broker."""
    app = Celery("trm", broker=settings.require_broker_url())
    app.conf.update(
        task_acks_late=False,  # the row says what is left to do; a message held for hours would be delivered twice
        task_ignore_result=True,  # with no result backend either: the status is in the database
        task_serializer="json",
        accept_content=["json"],
        task_routes={TASKS[kind]: {"queue": QUEUES[kind]} for kind in JobKind},
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # else a busy worker keeps the next job from an idle one
        worker_pool_start_method="spawn",  # CUDA and database connections do not survive a fork
        worker_proc_alive_timeout=120,  # importing torch takes longer than the default of 4 s
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": answer_seconds,
            "socket_connect_timeout": connect_seconds,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": "trm:",
        },
    )
    return app


def publisher_app(settings: Settings) -> Celery:
    """Celery for those who only publish: it gives up on a silent broker within about a second."""
    return celery_app(settings, connect_seconds=PUBLISH_CONNECT_SECONDS, answer_seconds=PUBLISH_ANSWER_SECONDS)


@dataclass(frozen=True)
class Announcement:
    """A job to announce to the workers."""

    job_id: str
    kind: JobKind


def publish_all(app: Celery, announcements: Iterable[Announcement], queue: str | None = None) -> None:
    """Announce many jobs over one connection, in the queues of their kinds or in this one.

    Raises BrokerUnavailable, and then some may be announced.
    """
    with _typed_errors(), app.producer_or_acquire() as producer:
        for announcement in announcements:
            _send(app, producer, announcement, queue or QUEUES[announcement.kind])


def own_queue(worker: str) -> Queue:
    """The queue of one worker alone. Without an exchange of its own nothing of it stays in the broker once it is empty."""
    name = f"worker.{worker}"
    return Queue(name, Exchange(""), routing_key=name)  # type: ignore[no-untyped-call]


def _send(app: Celery, producer: Producer, announcement: Announcement, queue: str) -> None:
    """What `app.send_task` does, less what none of our messages needs: half the time."""
    task, arguments = TASKS[announcement.kind], (announcement.job_id,)
    message = app.amqp.as_task_v2(str(uuid_utils.uuid7()), task, args=arguments, ignore_result=True)
    producer.publish(  # type: ignore[no-untyped-call]
        message.body,
        exchange="",  # straight to the queue
        routing_key=queue,
        serializer="json",
        headers=message.headers,
        retry=True,
        retry_policy=PUBLISH_RETRIES,
        **message.properties,
    )


def messages_waiting(app: Celery, kind: JobKind) -> int:
    """Number of messages that no worker of this kind has taken yet; raises BrokerUnavailable."""
    with _typed_errors(), app.connection_or_acquire() as connection:
        connection.ensure_connection(**PUBLISH_RETRIES, errback=None)
        return int(connection.default_channel.queue_declare(queue=QUEUES[kind]).message_count)


def ping_broker(app: Celery) -> None:
    """Raises BrokerUnavailable unless the broker answers."""
    with _typed_errors(), app.connection_for_write() as connection:
        connection.ensure_connection(errback=None, max_retries=1, interval_start=0, interval_step=0)


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except BROKER_ERRORS as error:
        raise BrokerUnavailable(f"The broker does not answer: {str(error)[:300]}") from error
