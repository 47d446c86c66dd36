"""API keys, and the log of what was done with them; both for admins."""

from collections.abc import Iterator
from typing import Unpack

from trm.client.api import ApiKey, ApiKeyRequest, AuditRecord, CreatedApiKey
from trm.client.record import Page, id_of
from trm.client.transport import Noun


class ApiKeys(Noun):
    """`client.api_keys`; a key is given as an `ApiKey` or as its id."""

    def create(self, **request: Unpack[ApiKeyRequest]) -> CreatedApiKey:
        """Make a key; the answer alone holds it."""
        return self._transport.ask("createApiKey", CreatedApiKey, json=request)

    def list(self, *, page_size: int = 100) -> Iterator[ApiKey]:
        """Every key, newest first."""
        return self._transport.list("listApiKeys", Page[ApiKey], page_size=page_size)

    def get(self, key: ApiKey | str) -> ApiKey:
        """One key."""
        return self._transport.ask("getApiKey", ApiKey, path={"key_id": id_of(key)})

    def revoke(self, key: ApiKey | str) -> ApiKey:
        """End a key."""
        return self._transport.ask("revokeApiKey", ApiKey, path={"key_id": id_of(key)})


class Audit(Noun):
    """`client.audit`."""

    def list(self, *, owner: str | None = None, page_size: int = 100) -> Iterator[AuditRecord]:
        """Everything that was done or refused, newest first; of one owner's keys, or of all."""
        return self._transport.list("listAuditRecords", Page[AuditRecord], params={"owner": owner}, page_size=page_size)
