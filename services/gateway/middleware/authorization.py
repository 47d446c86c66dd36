"""Whether a key's scopes allow what it is used for: asked once its requests are counted, before the body is read."""

from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.access import caller, permissions
from services.gateway.problems.problems import problem_response


class Authorization:
    """ASGI middleware behind authentication and limits: lets through, or answers 403 in place of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        who = caller.identify(scope) if scope["type"] == "http" else caller.ANONYMOUS
        if who.has_key:
            needed = permissions.list_scopes(scope["method"], scope["path"])
            if not permissions.allows(who.scopes, needed):
                refusal = problem_response(scope, "scope_missing", permissions.refusal(who.scopes, needed))
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)
