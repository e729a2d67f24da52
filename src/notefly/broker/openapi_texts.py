"""What the OpenAPI document says in words, once for all operations."""

SAID = {
    400: "Not HTTP, or a body that is not JSON, not UTF-8, or nested too deep.",
    401: "An API key is wanted, or the one given is not known or was revoked.",
    403: "The API key lacks the scope, or a page of another origin wants to change something.",
    404: "Nothing has this id.",
    408: "The body did not arrive in time.",
    409: "The state of the thing forbids it.",
    413: "Too large: 256 KiB, or 16 MiB and 10,000 lines as NDJSON.",
    415: "Another content type than those listed.",
    421: "Asked for under a host name that is not loopback and not listed.",
    422: "Understood and refused; `errors` says where and why.",
    429: "More than a limit allows; nothing was done. `Retry-After` says when to come back.",
    431: "Headers of more than 64 KiB.",
    500: "Something went wrong; the log of the broker says what.",
    503: "No room or not ready; nothing was stored. `Retry-After` says when to come back.",
}
SAID_WITH = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}
HEADERS = {
    "Idempotency-Key": "1 to 255 visible ASCII characters. The same key gives the same answer; "
    "with another request it is refused (422).",
    "Last-Event-ID": "The last event that was seen; the stream goes on behind it.",
    "Location": "Where it can be looked at.",
    "Idempotency-Replayed": "`true` when this key was answered before.",
    "Link": 'The next page, as `rel="next"`.',
    "Retry-After": "Seconds.",
    "RateLimit": 'What is left: `"requests";r=599;t=60`, so many within so many seconds.',
    "RateLimit-Policy": 'The rate limit: `"requests";q=600;w=60`, so many in so many seconds.',
    "WWW-Authenticate": "`Bearer`, and what is wrong with the key (RFC 6750).",
}
ABOUT = (
    "Publish a message in a category; every subscriber of it gets it on the channels they chose. "
    "Times are RFC 3339 in UTC, ids are opaque strings, errors are RFC 9457. Every other method "
    "of a path answers 405 with `Allow`. API keys are made by `notefly keys create`; on a broker "
    "that only its own machine can reach they may be left out, unless it was told otherwise. Where "
    "a rate limit is set, the answers of all calls but the probes carry `RateLimit` and "
    "`RateLimit-Policy`; what is refused before it is known who asks does not."
)
SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key. Each operation names the scopes of which one is needed; "
        "`admin` includes all.",
    },
    "link": {
        "type": "apiKey",
        "in": "query",
        "name": "link",
        "description": "A personal link's token, for that one person's page.",
    },
}
