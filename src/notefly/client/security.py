"""What keeps other sites out: the Host header, the origin of a form, and what a page may load."""

from urllib.parse import urlsplit

from quart import Quart, Response, abort, request

from notefly.config import Settings, loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
OWN_SITES = frozenset({"same-origin", "none"})
"""`none` is a person who typed the address; another port of this host is `same-site`."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MISDIRECTED = 421
FORBIDDEN = 403


def protect(app: Quart, settings: Settings) -> None:
    """No request gets past these, and no answer leaves without its headers.

    There is no cookie, so SameSite has nothing to mark: what a foreign page could abuse is that
    the browser stands on this machine. Hence Host against DNS rebinding, Origin against forms.
    """
    allowed = frozenset(settings.allowed_hosts) | {settings.host.lower()}

    @app.before_request
    async def check_host() -> None:
        name = _hostname(request.host)
        if not loopback(name) and name not in allowed:
            abort(MISDIRECTED)

    @app.before_request
    async def check_origin() -> None:
        if request.method not in SAFE_METHODS and not _same_origin():
            abort(FORBIDDEN)

    @app.after_request
    async def harden(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        # "no-referrer" would make browsers send "Origin: null" with our own forms.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response


def _same_origin() -> bool:
    """Browsers send at least one of the two with every form; what sends neither is no browser."""
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _hostname(host: str) -> str:
    """Without port; whatever cannot be read is nobody's name."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
