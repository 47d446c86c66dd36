"""Webhooks: addresses that are told when jobs end."""

from collections.abc import Iterator
from typing import Unpack

from trm.client.api import CreatedWebhook, Delivery, Webhook, WebhookRequest
from trm.client.record import Page, id_of
from trm.client.transport import Noun


class Webhooks(Noun):
    """`client.webhooks`; a webhook is given as a `Webhook` or as its id."""

    def create(self, **request: Unpack[WebhookRequest]) -> CreatedWebhook:
        """Have an address told; the answer alone holds the secret that signs the messages."""
        return self._transport.ask("createWebhook", CreatedWebhook, json=request)

    def list(self, *, page_size: int = 100) -> Iterator[Webhook]:
        """Every webhook, newest first."""
        return self._transport.list("listWebhooks", Page[Webhook], page_size=page_size)

    def get(self, webhook: Webhook | str) -> Webhook:
        """One webhook."""
        return self._transport.ask("getWebhook", Webhook, path={"webhook_id": id_of(webhook)})

    def delete(self, webhook: Webhook | str) -> None:
        """Tell the address no longer."""
        self._transport.send("deleteWebhook", path={"webhook_id": id_of(webhook)})

    def deliveries(self, webhook: Webhook | str, *, page_size: int = 100) -> Iterator[Delivery]:
        """The messages to the address, newest first, and what became of them."""
        path = {"webhook_id": id_of(webhook)}
        return self._transport.list("listWebhookDeliveries", Page[Delivery], path=path, page_size=page_size)
