"""API keys: created, checked, listed, rotated and revoked. A secret is shown once, to the caller that asked for the key."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.access.scopes import Scope
from services.registry.db.access_tables import ApiKey
from services.registry.db.ids import LOCAL_OWNER, new_id
from services.registry.db.pages import Page, newest_first
from services.registry.errors import ApiKeyNotFound

OWNER = r"[a-z0-9][a-z0-9._-]{0,63}"
TOKEN = re.compile(r"trm_([0-9a-f]{32}|admin)_([0-9a-f]{64})")
ADMIN_ID = "key_admin"  # of the key whose secret is the setting admin_secret
SECRET_BYTES = 32  # random: a fast digest is as good as a slow one
USED_SECONDS = 60  # how exactly the last use is known
NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class NewKey:
    """A new key and its secret."""

    row: ApiKey
    token: str


def create(
    session: Session, *, owner: str, name: str, scopes: Collection[Scope], lifetime: timedelta | None = None
) -> NewKey:
    """A new key for an owner, forever or for some time."""
    expires_at = None if lifetime is None else func.now() + lifetime
    key_id, secret = new_id("key"), secrets.token_hex(SECRET_BYTES)
    values = {"owner": owner, "name": name, "scopes": sorted(set(scopes)), "expires_at": expires_at}
    row = ApiKey(id=key_id, secret_sha256=_digest(secret), **values)
    session.add(row)
    session.flush()
    session.refresh(row)
    return NewKey(row, f"trm_{key_id.removeprefix('key_')}_{secret}")


def rotate(session: Session, key_id: str, overlap: timedelta) -> NewKey:
    """A new key like this one, which itself ends after the overlap; raises ApiKeyNotFound, also when it has ended already."""
    old = get(session, key_id)
    if session.scalar(select(ApiKey.id).where(ApiKey.id == old.id, *_VALID)) is None:
        raise ApiKeyNotFound(f"The API key {key_id} is no longer valid: make a new one.")
    scopes = [Scope(scope) for scope in old.scopes]
    made = create(session, owner=old.owner, name=old.name, scopes=scopes)
    made.row.expires_at = old.expires_at
    old.expires_at = func.least(ApiKey.expires_at, func.now() + overlap)  # passes over a key's that has no end
    session.flush()
    return made


def revoke(session: Session, key_id: str) -> ApiKey:
    """Revoke a key at once; repeating it has no effect. Raises ApiKeyNotFound."""
    key = get(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = func.now()
        session.flush()
        session.refresh(key)
    return key


def get(session: Session, key_id: str) -> ApiKey:
    """The key; raises ApiKeyNotFound."""
    key = session.get(ApiKey, key_id)
    if key is None:
        raise ApiKeyNotFound(f"There is no API key {key_id[:100]!r}.")
    return key


def page(session: Session, *, cursor: str | None = None, limit: int = 20) -> Page[ApiKey]:
    """A page of keys, newest first; raises InvalidCursor."""
    return newest_first(session, select(ApiKey), ApiKey, cursor, limit)


def authenticate(session: Session, token: str) -> ApiKey | None:
    """The key that this token presents and that is valid now, or None; its use is noted."""
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    key = find_valid(session, f"key_{match[1]}")
    is_right = hmac.compare_digest(_digest(match[2]), key.secret_sha256 if key else NO_DIGEST)
    if key is None or not is_right:
        return None
    _note_use(session, key)
    return key


def find_valid(session: Session, key_id: str) -> ApiKey | None:
    """The key, if it is valid now."""
    return session.scalars(select(ApiKey).where(ApiKey.id == key_id, *_VALID)).one_or_none()


_VALID = (ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()))


def _note_use(session: Session, key: ApiKey) -> None:
    unnoted = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - timedelta(seconds=USED_SECONDS))
    noted = update(ApiKey).where(ApiKey.id == key.id, unnoted).values(last_used_at=func.now())
    session.execute(noted.execution_options(synchronize_session=False))


def ensure_admin(session: Session, secret: str) -> None:
    """The first admin's key, with this secret: a new secret replaces the old one, and undoes its end. Safe to run twice at once."""
    row = {"id": ADMIN_ID, "owner": LOCAL_OWNER, "name": "admin_secret", "scopes": [Scope.ADMIN.value]}
    fresh = {"secret_sha256": _digest(secret), "revoked_at": None, "expires_at": None}
    is_another = ApiKey.secret_sha256 != fresh["secret_sha256"]
    made = insert(ApiKey).values(row | fresh)
    session.execute(made.on_conflict_do_update(index_elements=[ApiKey.id], set_=fresh, where=is_another))


def is_any_valid(session: Session) -> bool:
    """Whether the API can be used with any key at all."""
    return session.scalar(select(ApiKey.id).where(*_VALID).limit(1)) is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
