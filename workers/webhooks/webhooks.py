"""Sends the messages of webhooks: a loop beside the reaper's, safe to run twice."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog
from standardwebhooks import Webhook

from services.registry.db.database import Database
from services.registry.errors import RegistryError, WebhookRefused
from services.registry.webhooks import webhooks
from services.registry.webhooks.webhooks import DueDelivery
from trm.json_text import to_json
from workers.webhooks.http_client import SECONDS, HttpClient, RequestFailed
from workers.webhooks.schedule import pause_seconds

AT_ONCE = 8
IDLE_SECONDS = 1.0
HOLD_SECONDS = 8 * SECONDS  # longer than a round can take: a message is sent by one sender at a time
KEPT_DAYS = 7.0
ROUNDS_BETWEEN_CLEANING = 3_600
MOST_BYTES = 20_000
log = structlog.get_logger()


class WebhookSender:
    """At least once: a message that arrived just before a crash is sent again, under the same id."""

    def __init__(self, database: Database, http_client: HttpClient | None = None) -> None:
        self._database, self._http_client = database, http_client or HttpClient()
        self._random = random.Random()  # noqa: S311 - spreads retries, keeps no secret

    def run(self, stopping: threading.Event) -> None:
        """Send what is due until told to stop; a database that is away is tried again."""
        rounds = 0
        while not stopping.is_set():
            sent = 0
            try:
                sent = self.make_round()
                if rounds % ROUNDS_BETWEEN_CLEANING == 0:
                    with self._database.transaction() as session:
                        webhooks.forget_settled(session, KEPT_DAYS)
            except RegistryError as error:
                log.warning("webhooks.round_failed", code=error.code, reason=str(error))
            except Exception:  # this thread outlives whatever one message does to it
                log.exception("webhooks.round_failed")
            rounds += 1
            if not sent:
                stopping.wait(IDLE_SECONDS)

    def make_round(self) -> int:
        """Send what is due, a few at once; how many that were."""
        with self._database.transaction() as session:
            due = webhooks.claim_due(session, AT_ONCE, HOLD_SECONDS)
        if due:
            with ThreadPoolExecutor(AT_ONCE, "webhook") as threads:
                for message, outcome in zip(due, threads.map(self._send, due), strict=True):
                    self._record(message, outcome)
        return len(due)

    def _send(self, message: DueDelivery) -> str:
        """An HTTP status, or why there was none."""
        body = to_json(message.payload, compact=True)
        if len(body) > MOST_BYTES:
            return "the message is too large"
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "trm-service",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(message.secret).sign(message.id, now, body),
        }
        try:
            return str(self._http_client.post(message.url, body.encode(), headers))
        except (WebhookRefused, RequestFailed) as error:
            return str(error)[:300]

    def _record(self, message: DueDelivery, outcome: str) -> None:
        pause = pause_seconds(message.attempt, self._random)
        with self._database.transaction() as session:
            if outcome.isdecimal() and 200 <= int(outcome) < 300:
                webhooks.record_arrival(session, message, outcome)
                return
            webhooks.record_failure(session, message, outcome, pause)
            if outcome == webhooks.GONE:
                webhooks.disable(session, message.id)
        log.warning("webhook.failed", message_id=message.id, attempt=message.attempt, outcome=outcome, again_in=pause)
