"""What keeps other sites out: the Host header, the origin of a form, and what a page may load."""

from quart import Quart, Response, abort, request

from notefly.config import Settings
from notefly.config.origins import Own

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # "no-referrer" would make browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MISDIRECTED = 421
FORBIDDEN = 403


def protect(app: Quart, settings: Settings) -> None:
    """No request gets past these, and no answer leaves without its headers.

    There is no cookie, so SameSite has nothing to mark: what a foreign page could abuse is that
    the browser stands on this machine. Hence Host against DNS rebinding, Origin against forms.
    """
    own = Own((settings.host, *settings.allowed_hosts))

    @app.before_request
    async def check() -> None:
        headers = {name.lower().encode(): v.encode("latin-1") for name, v in request.headers}
        host = headers.get(b"host", b"")
        if not own.named(host):
            abort(MISDIRECTED)
        if not own.sent(request.method, host, headers):
            abort(FORBIDDEN)

    @app.after_request
    async def harden(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.update(SAFE)
        return response
